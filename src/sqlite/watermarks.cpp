#include "sqlite/watermarks.hpp"

#include <chrono>

namespace sagabus::sqlite {
namespace {

constexpr std::int64_t kKept = std::chrono::seconds(std::chrono::days(400)).count();

constexpr Sql kSave{
    "INSERT INTO workers (worker, watermark, updated_at) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (worker) DO UPDATE SET watermark = ?2, updated_at = ?3"};
constexpr Sql kEraseOld{"DELETE FROM workers WHERE updated_at < ?1"};
constexpr Sql kLoad{"SELECT watermark FROM workers WHERE worker = ?1"};

}  // namespace

void save_watermark(Connection& connection, const std::string& worker, const std::string& text,
                    std::int64_t now) {
  connection.query(kSave).bind(1, worker).bind(2, text).bind(3, now).run();
  connection.query(kEraseOld).bind(1, now - kKept).run();
}

std::string load_watermark(Connection& connection, const std::string& worker) {
  Query query = connection.query(kLoad);
  query.bind(1, worker);
  return query.next() ? std::string(query.text(0)) : std::string();
}

}  // namespace sagabus::sqlite
