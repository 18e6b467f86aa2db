#include "worker.hpp"

#include <atomic>
#include <sagabus/bus.hpp>

#include "book_file.hpp"
#include "cast.hpp"
#include "common/storage.hpp"
#include "process.hpp"

namespace orders {
namespace {

// The first parcel leaves a second time, as if another message had asked for it.
class ShipsTwice : public BookFile {
 public:
  using BookFile::BookFile;

  void enter(const Entry& entry) override {
    BookFile::enter(entry);
    if (entry.effect != Effect::shipment || done_.exchange(true)) return;
    Entry again = entry;
    again.key += "-again";
    BookFile::enter(again);
  }

 private:
  std::atomic<bool> done_ = false;
};

void work(const WorkerOptions& options, Books& books) {
  const examples::Storage storage = examples::open_storage(options.store, options.transport);
  sagabus::Bus bus(cast(storage.messages.transport, storage.store, books, options.concurrency));
  bus.run();
  books.spend({storage.cost(), storage.messages.requests()});
}

}  // namespace

void work(const WorkerOptions& options) {
  die_with_parent(options.parent);
  if (options.ships_twice) {
    ShipsTwice books(options.books);
    work(options, books);
  } else {
    BookFile books(options.books);
    work(options, books);
  }
}

}  // namespace orders
