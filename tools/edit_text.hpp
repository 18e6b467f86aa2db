// Lets the user change a text in his editor.
#pragma once

#include <string>

namespace sagabus::tools {

// A text in a file of its own, which only this user can read, in a directory that only he can
// enter. Both go with the object, and stay only where the process is killed.
class EditedText {
 public:
  // Throws std::system_error where the file cannot be made. `name` is the file's.
  EditedText(const std::string& name, const std::string& text);
  ~EditedText();
  EditedText(const EditedText&) = delete;
  EditedText& operator=(const EditedText&) = delete;

  // Runs $VISUAL, else $EDITOR, else vi on the file as it stands, waits for its end, and returns
  // what the file then holds. The variable is split into words at blanks outside quotes; no shell
  // runs. Throws Failure where there is no such editor, or where it says that it failed. Blocks its
  // thread.
  std::string edit();

 private:
  std::string directory_;
  std::string path_;
};

}  // namespace sagabus::tools
