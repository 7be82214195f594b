// SPDX-License-Identifier: MIT
//
// `hak replay`: allocators side by side under what a program once asked for.

import ArgumentParser
import FoundationEssentials
import Glibc

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Drives allocators with a trace of hak trace.",
        discussion: """
            Each thread of the trace makes its calls again on a thread of its own, one after the \
            other without pauses; a thread waits only where a block passes from one to another. \
            The row 'alone' reads the trace and calls no allocator; 'own' figures are without it. \
            More than one trace ends in a summary. The exit status is 1 when a process was not \
            served by the allocator that it is named for.
            """
    )

    @Argument(help: "The traces.")
    var files: [String]

    @Option(
        help: ArgumentHelp(
            """
            Allocators, separated by commas: hakmem, glibc (or system), mimalloc, mimalloc2, \
            jemalloc, tcmalloc, tbb, or NAME=PATH. Default: hakmem and all that are installed.
            """, valueName: "names"))
    var allocator: String?

    @Option(help: ArgumentHelp("Processes of each allocator.", valueName: "n"))
    var repetitions = 10

    @Option(
        help: ArgumentHelp(
            """
            What is written to each block: none, its two ends, or a byte in each of its pages.
            """, valueName: "none|ends|pages"))
    var touch = ReplayRunner.touchUsual

    @Option(help: ArgumentHelp("Write the results to this file, too.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("hakmem's library, instead of the one found.", valueName: "path"))
    var library: String?

    func validate() throws {
        if repetitions < 1 {
            throw ValidationError("--repetitions \(repetitions): give a number from 1 up.")
        }
        guard ["none", "ends", "pages"].contains(touch) else {
            throw ValidationError("--touch \(touch): give none, ends or pages.")
        }
    }

    func run() throws {
        if let json, access(FileContents.folder(of: json), W_OK) != 0 {
            throw Failure("--json '\(json)': \(errorText(errno)); name a file in a writable folder")
        }
        let headers = try files.map(TraceReader.checkedHeader)
        let environment = ProcessInfo.processInfo.environment
        let allocators = try AllocatorChoice(parsing: allocator).allocators(
            hakmem: { try Library.find(requested: library, environment: environment) },
            folders: Peer.folders())
        let runner = ReplayRunner(
            workloads: try Library.workloads(), environment: environment, allocators: allocators,
            repetitions: repetitions, touch: touch)
        var document = ReplayDocument()
        print(document.heading())
        for (file, header) in zip(files, headers) {
            let comparison = try runner.compare(FileContents.realPath(file) ?? file, header)
            print(comparison.text())
            document.comparisons.append(comparison)
        }
        if document.comparisons.count > 1 { print(document.summary().plain(), terminator: "") }
        fflush(nil)
        if let json { try document.write(to: json) }
        let failures = document.comparisons.flatMap(\.failures)
        for failure in failures { complain(failure) }
        if !failures.isEmpty { throw ExitCode(1) }
    }
}
