// The verbs. Each is a file beside this one, with a namespace of its own, since they are alike down
// to the names in them; it adds its subcommand to the command, and sets the action when the command
// line asks for it.
#pragma once

#include "command.hpp"

namespace sagabus::tools {

using AddVerb = void (*)(CLI::App& app, Action& action);

void add_adopt(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);
void add_cost(CLI::App& app, Action& action);
void add_manual(CLI::App& app, Action& action);
void add_publish(CLI::App& app, Action& action);

void add_dlq_list(CLI::App& app, Action& action);
void add_dlq_show(CLI::App& app, Action& action);
void add_dlq_redrive(CLI::App& app, Action& action);
void add_dlq_purge(CLI::App& app, Action& action);

void add_doctor(CLI::App& app, Action& action);

void add_outbox_list(CLI::App& app, Action& action);
void add_outbox_redispatch(CLI::App& app, Action& action);

void add_schema(CLI::App& app, Action& action);
void add_iam_policy(CLI::App& app, Action& action);

void add_saga_list(CLI::App& app, Action& action);
void add_saga_show(CLI::App& app, Action& action);
void add_saga_stuck(CLI::App& app, Action& action);
void add_saga_export(CLI::App& app, Action& action);
void add_saga_import(CLI::App& app, Action& action);
void add_saga_purge(CLI::App& app, Action& action);
void add_saga_edit(CLI::App& app, Action& action);
void add_saga_complete(CLI::App& app, Action& action);
void add_saga_delete(CLI::App& app, Action& action);

void add_table_create(CLI::App& app, Action& action);
void add_table_delete(CLI::App& app, Action& action);
void add_table_describe(CLI::App& app, Action& action);
void add_table_verify(CLI::App& app, Action& action);

void add_timer_list(CLI::App& app, Action& action);
void add_timer_show(CLI::App& app, Action& action);
void add_timer_cancel(CLI::App& app, Action& action);
void add_timer_move(CLI::App& app, Action& action);

// In the order of the help text.
inline constexpr AddVerb kVerbs[] = {add_table_create,
                                     add_table_describe,
                                     add_table_verify,
                                     add_table_delete,
                                     add_schema,
                                     add_iam_policy,
                                     add_saga_list,
                                     add_saga_show,
                                     add_saga_stuck,
                                     add_saga_edit,
                                     add_saga_complete,
                                     add_saga_delete,
                                     add_saga_export,
                                     add_saga_import,
                                     add_saga_purge,
                                     add_outbox_list,
                                     add_outbox_redispatch,
                                     add_timer_list,
                                     add_timer_show,
                                     add_timer_cancel,
                                     add_timer_move,
                                     add_dlq_list,
                                     add_dlq_show,
                                     add_dlq_redrive,
                                     add_dlq_purge,
                                     add_publish,
                                     add_cost,
                                     add_adopt,
                                     add_doctor,
                                     add_bench,
                                     add_completion,
                                     add_manual};

}  // namespace sagabus::tools
