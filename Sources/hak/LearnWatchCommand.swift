// SPDX-License-Identifier: MIT
//
// `hak learn watch`: runs a program that learns, and tells what it does while it runs.

import ArgumentParser
import FoundationEssentials
import Glibc

struct LearnWatch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Runs a program in learning mode and shows its windows and decisions.",
        usage: "hak learn watch [--svg <file>] [--log <file>] [--] <program> [<argument> …]",
        discussion: """
            A line for each window goes to standard error, and the leaderboard at the end. The \
            program's variables hold: HAKMEM_MODE and HAKMEM_EVO of the environment win over \
            learning mode. The exit status is the program's.
            """
    )

    @Option(help: ArgumentHelp("Write a timeline as SVG at the end.", valueName: "file"))
    var svg: String?

    @Option(help: ArgumentHelp("Keep the lines of JSON in this file.", valueName: "file"))
    var log: String?

    @Flag(help: "Show the leaderboard at the end alone, and not each window.")
    var quiet = false

    @Option(help: "The allocator's library, instead of the one found.")
    var library: String?

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []

    func run() throws {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard let name = words.first else {
            throw ValidationError("No program given: hak learn watch -- PROGRAM ARGUMENTS")
        }
        var environment = ProcessInfo.processInfo.environment
        let program = try Executable.find(name, path: environment["PATH"])
        let path = try Library.preloadable(
            Library.find(requested: library, environment: environment))
        environment["LD_PRELOAD"] = Library.preloadValue(
            library: path, existing: environment["LD_PRELOAD"])
        if environment["HAKMEM_MODE"] == nil, environment["HAKMEM_EVO"] == nil {
            environment["HAKMEM_MODE"] = "learning"
        }
        let file = try WatchFile(path: log)
        environment["HAKMEM_WATCH"] = file.path
        defer { file.remove() }

        var follower = GrowingLog(descriptor: file.descriptor)
        let status = try Foreground.run(program, words, environment: environment) {
            follower.advance { if !quiet { writeToStandardError("hak: \($0.text)\n") } }
        }
        writeToStandardError(LearnWatch.summary(follower.windows))
        if let svg {
            try FileContents.write(
                Array(LearnTimeline.svg(follower.windows, title: name).utf8), to: svg)
        }
        let signal = status & 0x7F
        throw ExitCode(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
    }

    /// What the windows came to.
    static func summary(_ windows: [LearnWindow]) -> String {
        guard let last = windows.last else {
            return "hak: no window ended: the program took too few slow paths to learn from\n"
        }
        var table = TextTable(headings: ["strategy", "rating", "windows"], numericColumns: [1, 2])
        for (name, rating) in last.leaderboard {
            let count = windows.count { $0.strategy == name }
            table.append([name, "\(rating)", "\(count)"])
        }
        return "hak: \(windows.count) windows, \(last.state), next \(last.next)\n" + table.plain()
    }
}

/// The file that the program writes its windows to.
private struct WatchFile {
    let path: String
    let descriptor: Int32
    private let isKept: Bool

    /// `path`, emptied, or a temporary file.
    init(path given: String?) throws {
        isKept = given != nil
        if let given {
            descriptor = open(given, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw Failure("cannot write '\(given)': \(errorText(errno))")
            }
            path = FileContents.realPath(given) ?? given
        } else {
            var template = Array("/tmp/hak-watch-XXXXXX".utf8CString)
            descriptor = mkstemp(&template)
            guard descriptor >= 0 else {
                throw Failure("no temporary file in /tmp: \(errorText(errno))")
            }
            path = String(
                decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    func remove() {
        close(descriptor)
        if !isKept { unlink(path) }
    }
}
