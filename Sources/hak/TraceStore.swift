// SPDX-License-Identifier: MIT
//
// The family of traces: what real programs ask for, recorded on the spot and replayed under every
// allocator. The programs and their inputs are those of the family of programs.

import CTraceFormat
import Glibc

/// A folder of traces; those that it lacks are recorded when they are asked for.
struct TraceStore {
    let folder: String
    let recording: TraceRecording

    static let family = "traces"
    /// What stands before a program's name in that of its row.
    private static let prefix = "trace-"

    /// A row, and the program that it is recorded from.
    struct Source {
        let program: RealProgram
        let tracing: RealProgram.Tracing

        var name: String { prefix + program.name }
        var summary: String { "what this asks of malloc: \(program.summary)" }
    }

    /// Every program that is recorded, in the order of the reports.
    static let sources = RealProgram.all.compactMap { program in
        program.tracing.map { Source(program: program, tracing: $0) }
    }

    /// Makes the folder where there is none.
    init(folder: String, recording: TraceRecording) throws {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw Failure(
                "cannot make the folder '\(folder)' for traces: \(errorText(errno)); name another")
        }
        guard let path = FileContents.realPath(folder), access(path, W_OK) == 0 else {
            throw Failure(
                "cannot write into '\(folder)': \(errorText(errno)); name a folder for traces")
        }
        self.folder = path
        self.recording = recording
    }

    /// Those that are asked for, and a line for each that could not be recorded.
    func rows(
        _ selection: RowSelection, progress: Progress
    ) -> (rows: [PlannedRow], skipped: [String]) {
        var rows: [PlannedRow] = []
        var skipped: [String] = []
        for source in Self.sources where selection.includes(source) {
            let path = "\(folder)/\(source.program.name).trace"
            do {
                if !FileContents.isFile(path) {
                    progress.show("recording \(source.name)")
                    try record(source, to: path)
                }
                rows.append(row(of: source, path, try TraceReader.checkedHeader(of: path)))
            } catch {
                skipped.append("\(source.name): \(error)")
            }
        }
        progress.clear()
        return (rows, skipped)
    }

    private func row(
        of source: Source, _ path: String, _ header: trace_header_t
    ) -> PlannedRow {
        let threads = header.streams == 1 ? "1 thread" : "\(header.streams) threads"
        let summary = """
            \(source.summary); \(header.events) events on \(threads), at most \
            \(header.blocks_live_max) blocks and \(header.bytes_live_max / 1024) KiB live
            """
        return PlannedRow(
            row: BenchRow(name: source.name, family: Self.family, summary: summary),
            task: .trace(path), hasTouchBaseline: true, operations: Int(header.events))
    }

    /// Runs the program once, in a folder that goes afterwards.
    private func record(_ source: Source, to path: String) throws {
        let work = try ProgramFolder(environment: recording.environment)
        defer { work.remove() }
        for tool in source.program.tools { _ = try work.find(tool) }
        let command = try source.program.prepare(work)
        _ = try recording.record(command, to: path) { variables in
            let child = try Child.run(
                command[0], Array(command.dropFirst()),
                environment: variables.merging(source.tracing.variables) { $1 })
            guard child.succeeded else {
                let reason = child.errors.split(separator: "\n").first.map(String.init) ?? ""
                throw Failure("recorded, it ended by \(child.ending). \(reason)")
            }
            return child.status
        }
    }
}

extension RowSelection {
    /// Whether a trace is asked for.
    func includes(_ source: TraceStore.Source) -> Bool {
        includes(name: source.name, family: TraceStore.family, isQuick: source.tracing.isQuick)
    }
}
