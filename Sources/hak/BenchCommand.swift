// SPDX-License-Identifier: MIT
//
// `hak bench`: allocators side by side, and what is done with the results.

import ArgumentParser

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Compares hakmem with other allocators.",
        subcommands: [
            BenchRunCommand.self, BenchCompareCommand.self, BenchMatrixCommand.self,
            BenchPageCommand.self,
        ],
        defaultSubcommand: BenchRunCommand.self)
}
