// SPDX-License-Identifier: MIT
//
// `hak trace`: runs a program under the recorder and keeps the traces of its busiest images.

import ArgumentParser
import FoundationEssentials

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Records what a program asks of its allocator, for hak replay.",
        usage: """
            hak trace [--output <file>] [--images <n>] [--limit-mib <n>] [--] <program> \
            [<argument> …]
            hak trace --examples <folder>
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
    var limitMib = TraceRecording.limitMibUsual

    @Option(
        help: ArgumentHelp(
            """
            Record the programs of the benchmark's family 'traces' into this folder; those that \
            are there already stay.
            """, valueName: "folder"))
    var examples: String?

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []

    private var words: [String] {
        command.first == "--" ? Array(command.dropFirst()) : command
    }

    func validate() throws {
        if examples != nil {
            guard words.isEmpty, output == nil, images == 1 else {
                throw ValidationError("--examples goes with no command, --output or --images.")
            }
            return
        }
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
        let recording = TraceRecording(
            recorder: try Library.recorder(), environment: environment, images: images,
            limitMib: limitMib)
        if let examples { return try record(examples: examples, recording) }
        let executable = try Executable.find(words[0], path: environment["PATH"])
        if let obstacle = Executable.obstacle(to: executable) {
            throw Failure("\(executable) \(obstacle): it cannot be recorded")
        }
        let output = output ?? "\(FileContents.name(of: words[0])).trace"
        let (status, table) = try recording.record(words, to: output) { variables in
            try Foreground.run(executable, words, environment: variables)
        }
        writeToStandardError(table.plain())
        let signal = status & 0x7F
        throw ExitCode(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
    }

    /// Records the programs of the family 'traces' that are installed.
    private func record(examples folder: String, _ recording: TraceRecording) throws {
        let store = try TraceStore(folder: folder, recording: recording)
        let planned = store.rows(RowSelection(), progress: Progress(isWanted: true))
        for line in planned.skipped { complain(line) }
        for row in planned.rows { print("\(row.row.title): \(row.row.summary)") }
    }
}
