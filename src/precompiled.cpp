// The translation unit that the precompiled headers of the libraries belong to.
