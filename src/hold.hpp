// What becomes of works that wait for a store or a transport that is away: a pure decision.
#pragma once

#include <chrono>
#include <optional>
#include <span>

#include "processor.hpp"
#include "sagabus/random.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::detail {

// Of a lane's works those whose verdict asks for it are held: they lose their verdict, so that they
// are processed again. Gives how long to rest before that; nothing where none is held. Where the
// transport keeps one of them for less long than that, all are given back, and keep their order.
std::optional<std::chrono::milliseconds> hold(std::span<Work> works,
                                              const TransportBackend& transport,
                                              RandomSource& random);

}  // namespace sagabus::detail
