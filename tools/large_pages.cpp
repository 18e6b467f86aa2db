// Lets mimalloc use pages of 2 MB. The command's stores in memory take new memory all the time, and
// each page of 4 KB that is touched for the first time costs more than a message does.
#include <mimalloc.h>

namespace sagabus::tools {
namespace {

[[maybe_unused]] const bool enabled = [] {
  mi_option_enable(mi_option_large_os_pages);
  return true;
}();

}  // namespace
}  // namespace sagabus::tools
