// SPDX-License-Identifier: MIT
//
// The command line tool: a file a command.

import ArgumentParser

@main
struct Hak: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hak",
        abstract: "Runs programs on the hakmem allocator, measures it, and looks at this machine.",
        subcommands: [
            RunCommand.self, OptionsCommand.self, DoctorCommand.self, BenchCommand.self,
            TraceCommand.self, ReplayCommand.self,
            LearnCommand.self,
        ]
    )
}
