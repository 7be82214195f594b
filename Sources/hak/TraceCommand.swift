// SPDX-License-Identifier: MIT
//
// `hak trace`: runs a program under the recorder and makes traces of the logs that it leaves.
//
// Every image of every process leaves a log in a folder of its own, which goes when the traces
// are made. Many programs are started by scripts or start others to do the work, so the trace that
// is kept is that of the busiest image.

import ArgumentParser
import CTraceFormat
import FoundationEssentials
import Glibc

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Records what a program asks of its allocator, for hak replay.",
        usage: """
            hak trace [--output <file>] [--images <n>] [--limit-mib <n>] [--] <program> \
            [<argument> …]
            """,
        discussion: """
            The program runs on glibc's allocator. Every process image, whether it comes of fork \
            or of exec, is recorded apart; the busiest one becomes the trace, and with --images \
            the next ones become FILE.2, FILE.3 and so on. The exit status is the program's.
            """
    )

    @Option(help: ArgumentHelp("The trace; default: PROGRAM.trace here.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Images to keep, the busiest first.", valueName: "n"))
    var images = 1

    @Option(
        name: .customLong("limit-mib"),
        help: ArgumentHelp("Most MiB that an image may log; then its log ends.", valueName: "n"))
    var limitMib = 4096

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []

    private var words: [String] {
        command.first == "--" ? Array(command.dropFirst()) : command
    }

    func validate() throws {
        guard let name = words.first else {
            throw ValidationError("No program given: hak trace -- PROGRAM ARGUMENTS")
        }
        if command.first != "--", name.hasPrefix("-") {
            throw ValidationError(
                "There is no option '\(name)'; put -- before a program of that name.")
        }
        for (option, value) in [("--images", images), ("--limit-mib", limitMib)] where value < 1 {
            throw ValidationError("\(option) \(value): give a number from 1 up.")
        }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let recorder = try Library.recorder()
        let executable = try Executable.find(words[0], path: environment["PATH"])
        if let obstacle = Executable.obstacle(to: executable) {
            throw Failure("\(executable) \(obstacle): it cannot be recorded")
        }
        let output = output ?? "\(FileContents.name(of: words[0])).trace"
        let logs = try LogFolder(beside: output)
        defer { logs.remove() }
        var variables = environment
        variables["LD_PRELOAD"] = Library.preloadValue(
            library: recorder, existing: environment["LD_PRELOAD"])
        variables["HAKMEM_TRACE"] = logs.prefix
        variables["HAKMEM_TRACE_MIB"] = "\(limitMib)"
        let status = try Foreground.run(executable, words, environment: variables)
        try keepTraces(of: logs, at: output)
        let signal = status & 0x7F
        throw ExitCode(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
    }

    /// Writes the traces of the busiest images and says what they hold.
    private func keepTraces(of logs: LogFolder, at output: String) throws {
        let files = try logs.files()
        guard !files.isEmpty else {
            throw Failure(
                """
                '\(words[0])' left no log: it ran without the recorder, or \
                '\(logs.path)' has no room
                """)
        }
        var traces: [(file: TraceFile, process: UInt32)] = []
        for path in files {
            let file = try MappedFile(path: path)
            guard let log = TraceLog(file.bytes) else { continue }
            let trace = TraceBuilder.trace(of: log)
            traces.append((trace, log.header.process))
            // Of images that are not kept only the header is wanted.
            traces.sort { $0.file.header.events > $1.file.header.events }
            if traces.count > images { traces[images].file = traces[images].file.withoutStreams() }
        }
        var table = TraceCommand.emptyTable
        for (index, trace) in traces.enumerated() {
            let path = index == 0 ? output : "\(output).\(index + 1)"
            let isKept = index < images
            if isKept { try FileContents.write(trace.file.encoded(), to: path) }
            if isKept || index < TraceCommand.imagesShown {
                table.append(row(trace.file.header, trace.process, file: isKept ? path : "–"))
            }
        }
        let rest = traces.count - table.rows.count
        writeToStandardError(table.plain() + (rest > 0 ? "and \(rest) more images\n" : ""))
    }

    /// Images listed though they are not kept.
    private static let imagesShown = 8

    private static var emptyTable: TextTable {
        TextTable(
            headings: [
                "trace", "process", "events", "threads", "live blocks max", "live KiB max",
                "strangers", "missed", "command",
            ], numericColumns: Set(1...7))
    }

    private func row(_ header: trace_header_t, _ process: UInt32, file: String) -> [String] {
        let command = TraceFile.command(of: header)
        return [
            file, "\(process)", "\(header.events)\(header.is_cut != 0 ? " (cut)" : "")",
            "\(header.streams)", "\(header.blocks_live_max)", "\(header.bytes_live_max / 1024)",
            "\(header.strangers)", "\(header.missed)", String(command.prefix(48)),
        ]
    }
}

/// Where the images of a program leave their logs.
struct LogFolder {
    let path: String

    /// What the recorder puts before the process id.
    var prefix: String { "\(path)/log" }

    /// Makes a folder beside the trace, where there has to be room for it too.
    init(beside output: String) throws {
        let parent = FileContents.realPath(FileContents.folder(of: output))
        guard let parent, access(parent, W_OK) == 0 else {
            throw Failure(
                "cannot write '\(output)': \(errorText(errno)); name a file in a writable folder")
        }
        path = "\(parent)/\(FileContents.name(of: output)).logs-\(getpid())"
        guard mkdir(path, 0o700) == 0 else {
            throw Failure("cannot make the folder '\(path)': \(errorText(errno))")
        }
    }

    /// The logs in the order of their names.
    func files() throws -> [String] {
        guard let folder = opendir(path) else {
            throw Failure("cannot read the folder '\(path)': \(errorText(errno))")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("log.") { names.append("\(path)/\(name)") }
        }
        return names.sorted()
    }

    /// Deletes the logs and the folder.
    func remove() {
        for file in (try? files()) ?? [] { unlink(file) }
        rmdir(path)
    }
}
