// The verbs. Each is a file beside this one; it adds its subcommand to the command, and sets the
// action when the command line asks for it.
#pragma once

#include "command.hpp"

namespace sagabus::tools {

using AddVerb = void (*)(CLI::App& app, Action& action);

void add_adopt(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);

void add_dlq_list(CLI::App& app, Action& action);
void add_dlq_show(CLI::App& app, Action& action);
void add_dlq_redrive(CLI::App& app, Action& action);
void add_dlq_purge(CLI::App& app, Action& action);

void add_doctor(CLI::App& app, Action& action);

void add_outbox_list(CLI::App& app, Action& action);
void add_outbox_redispatch(CLI::App& app, Action& action);

void add_table_create(CLI::App& app, Action& action);
void add_table_delete(CLI::App& app, Action& action);
void add_table_describe(CLI::App& app, Action& action);
void add_table_verify(CLI::App& app, Action& action);

void add_timer_list(CLI::App& app, Action& action);
void add_timer_show(CLI::App& app, Action& action);
void add_timer_cancel(CLI::App& app, Action& action);
void add_timer_move(CLI::App& app, Action& action);

// In the order of the help text.
inline constexpr AddVerb kVerbs[] = {add_table_create, add_table_describe, add_table_verify,
                                     add_table_delete, add_outbox_list,    add_outbox_redispatch,
                                     add_timer_list,   add_timer_show,     add_timer_cancel,
                                     add_timer_move,   add_dlq_list,       add_dlq_show,
                                     add_dlq_redrive,  add_dlq_purge,      add_adopt,
                                     add_doctor,       add_bench};

}  // namespace sagabus::tools
