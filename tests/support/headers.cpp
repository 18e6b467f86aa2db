// The translation unit that the precompiled headers of the test programs belong to.
