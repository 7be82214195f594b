// SPDX-License-Identifier: MIT
//
// `hak replay`: allocators side by side under what a program once asked for.

import ArgumentParser
import CTraceFormat
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
            The exit status is 1 when a process was not served by the allocator that it is named \
            for.
            """
    )

    @Argument(help: "The trace.")
    var file: String

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
    var touch = "ends"

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
        let trace = try MappedFile(path: file)
        let header: trace_header_t
        do {
            let reader = try TraceReader(trace.bytes)
            try reader.check()
            header = reader.header
        } catch let failure as Failure {
            throw Failure("'\(file)' is no trace that can be replayed: \(failure)")
        }
        let environment = ProcessInfo.processInfo.environment
        let allocators = try AllocatorChoice(parsing: allocator).allocators(
            hakmem: { try Library.find(requested: library, environment: environment) },
            folders: Peer.folders())
        let comparison = try ReplayRunner(
            workloads: try Library.workloads(), environment: environment, allocators: allocators,
            repetitions: repetitions, touch: touch
        ).compare(FileContents.realPath(file) ?? file, header)
        print(comparison.text(), terminator: "")
        fflush(nil)
        if let json { try comparison.write(to: json) }
        guard comparison.failures.isEmpty else {
            for failure in comparison.failures { complain(failure) }
            throw ExitCode(1)
        }
    }
}
