// SPDX-License-Identifier: MIT
//
// `hak run`: becomes the program, with the library preloaded. As nothing stays behind, exit
// status, signals, terminal and process id are the program's own.

import ArgumentParser
import FoundationEssentials
import Glibc
import HakmemCoreHosted

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a program on hakmem.",
        usage: "hak run [--stats] [--mode <mode>] [--library <path>] [--] <program> [<argument> …]",
        discussion: """
            What follows the program's name goes to the program as it is. The exit status is the \
            program's; 127 when there is no such program, 126 when it cannot be executed.
            """
    )

    @Flag(help: "Print a summary of the heap when the program exits.")
    var stats = false

    @Option(help: "What to favour: \(HeapMode.words.joined(separator: ", ")).")
    var mode: String?

    @Option(help: "The allocator's library, instead of the one found.")
    var library: String?

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []

    func validate() throws {
        if let mode, !HeapMode.words.contains(mode) {
            let words = HeapMode.words.joined(separator: ", ")
            throw ValidationError("There is no mode '\(mode)'; use one of \(words).")
        }
        _ = try program()
    }

    func run() throws {
        let words = try program()
        let environment = ProcessInfo.processInfo.environment
        let path: String
        do {
            path = try Library.preloadable(
                Library.find(requested: library, environment: environment))
        } catch let failure as Failure {
            complain(failure.description)
            throw ExitCode(ExitStatus.libraryMissing)
        }
        if let executable = try? Executable.find(words[0], path: environment["PATH"]),
            let obstacle = Executable.obstacle(to: executable)
        {
            complain("\(executable) \(obstacle): hakmem does not serve it")
        }
        setenv(
            "LD_PRELOAD",
            Library.preloadValue(library: path, existing: environment["LD_PRELOAD"]), 1)
        if stats { setenv("HAKMEM_STATS", "1", 1) }
        if let mode { setenv("HAKMEM_MODE", mode, 1) }
        throw ExitCode(become(words))
    }

    /// The words of the program, without the `--` in front of them.
    private func program() throws -> [String] {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard let name = words.first else {
            throw ValidationError("No program given: hak run -- PROGRAM ARGUMENTS")
        }
        if command.first != "--", name.hasPrefix("-") {
            throw ValidationError(
                "There is no option '\(name)'; put -- before a program of that name.")
        }
        return words
    }

    /// Replaces this process by the program. Returns only when that fails: the status to exit
    /// with, as shells have it.
    private func become(_ words: [String]) -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        execvp(words[0], arguments)
        let error = errno
        if error == ENOENT, !words[0].contains("/") {
            complain("\(words[0]): no such program in PATH")
        } else {
            complain("\(words[0]): \(errorText(error))")
        }
        return error == ENOENT ? ExitStatus.programMissing : ExitStatus.programNotExecutable
    }

    /// How the command ends when the program has not run.
    private enum ExitStatus {
        static let libraryMissing: Int32 = 125
        static let programNotExecutable: Int32 = 126
        static let programMissing: Int32 = 127
    }
}

/// The words of the option HAKMEM_MODE, from the allocator's own table.
enum HeapMode {
    static let words = OptionName.mode.spec.words.description.split(separator: "|").map(String.init)
}
