// Lets the user change a text in his editor.
#pragma once

#include <string>

namespace sagabus::tools {

// A text in a file of its own, which only this user can read, in a directory that only he can
// enter. Both go with the object, unless it is told to keep them or the process is killed.
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

  // Whether the file holds another text than the first one: something to lose.
  bool is_changed() const;
  // The file stays, for this user alone. Returns its path.
  std::string keep();

 private:
  std::string directory_;
  std::string path_;
  const std::string original_;
  bool is_kept_ = false;
};

}  // namespace sagabus::tools
