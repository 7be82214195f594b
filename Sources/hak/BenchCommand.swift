// SPDX-License-Identifier: MIT
//
// `hak bench`: allocators side by side, in scenarios or under a real program.

import ArgumentParser
import FoundationEssentials
import Glibc

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Compares hakmem with other allocators.",
        usage: """
            hak bench [<options>] [--scenario <names>] [--iterations <n>]
            hak bench [<options>] --program -- <command> [<argument> …]
            """,
        discussion: """
            Every figure comes from processes of their own, run in turns: A B C A B C …. The \
            exit status is 1 when a process was not served by the allocator that it is named for.
            """
    )

    @Option(
        help: ArgumentHelp(
            """
            Allocators, separated by commas: hakmem, glibc (or system), mimalloc, mimalloc2, \
            jemalloc, tcmalloc, tbb, or NAME=PATH. Default: hakmem and all that are installed.
            """, valueName: "names"))
    var allocator: String?

    @Option(
        help: ArgumentHelp("Scenarios, separated by commas; default: all.", valueName: "names"))
    var scenario: String?

    @Option(
        help: ArgumentHelp(
            "Iterations timed in a process; default: the scenario's own.",
            valueName: "n"))
    var iterations: Int?

    @Option(help: ArgumentHelp("Processes of each allocator.", valueName: "n"))
    var repetitions = 10

    @Option(help: ArgumentHelp("Write the results to this file, too.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("hakmem's library, instead of the one found.", valueName: "path"))
    var library: String?

    @Flag(help: "Run the command given behind -- under each allocator.")
    var program = false

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var command: [String] = []

    /// The command without the `--` in front of it.
    private var words: [String] {
        command.first == "--" ? Array(command.dropFirst()) : command
    }

    func validate() throws {
        if repetitions < 1 {
            throw ValidationError("--repetitions \(repetitions): give a number from 1 up.")
        }
        if let iterations, iterations < 1 {
            throw ValidationError("--iterations \(iterations): give a number from 1 up.")
        }
        if program {
            if words.isEmpty {
                throw ValidationError("No command: hak bench --program -- COMMAND ARGUMENTS")
            }
            if scenario != nil || iterations != nil {
                throw ValidationError("--scenario and --iterations do not go with --program.")
            }
        } else if let stray = words.first {
            throw ValidationError(
                "'\(stray)' is no option; a command to compare needs --program in front.")
        }
    }

    func run() throws {
        if let json, access(FileContents.folder(of: json), W_OK) != 0 {
            throw Failure("--json '\(json)': \(errorText(errno)); name a file in a writable folder")
        }
        let environment = ProcessInfo.processInfo.environment
        let allocators = try AllocatorChoice(parsing: allocator).allocators(
            hakmem: { try Library.find(requested: library, environment: environment) },
            folders: Peer.folders())
        let runner = BenchRunner(
            workloads: try Library.workloads(), environment: environment, allocators: allocators,
            repetitions: repetitions)
        var document = BenchDocument(allocators: allocators, repetitions: repetitions)
        if program {
            document.program = try runner.compareProgram(words)
        } else {
            let scenarios = try Scenario.choose(scenario, from: runner.scenarios())
            document.scenarios = try scenarios.map {
                try runner.compareScenario($0, iterations: iterations ?? $0.iterations)
            }
        }
        print(document.text(), terminator: "")
        fflush(nil)
        if let json { try document.write(to: json) }
        guard document.failures.isEmpty else {
            for failure in document.failures { complain(failure) }
            throw ExitCode(1)
        }
    }
}
