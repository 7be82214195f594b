// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import hak

@Suite struct TraceStoreTests {
    /// Records nothing: there is no recorder.
    private let recording = TraceRecording(
        recorder: "/nowhere/recorder.so", environment: ["PATH": "/nowhere", "TMPDIR": "/tmp"])

    private func folder() -> String {
        FileManager.default.temporaryDirectory.path + "/traces-\(UUID().uuidString)"
    }

    @Test func fiveProgramsAreRecorded() {
        #expect(
            TraceStore.sources.map(\.name).sorted() == [
                "trace-g++", "trace-git", "trace-python", "trace-redis", "trace-sqlite",
            ])
    }

    @Test func quickHasTwoOfThem() {
        let quick = RowSelection(isQuick: true)
        #expect(
            TraceStore.sources.filter(quick.includes).map(\.name) == ["trace-g++", "trace-sqlite"])
        let family = RowSelection(families: ["traces"], isQuick: true)
        #expect(TraceStore.sources.allSatisfy(family.includes))
        let other = RowSelection(families: ["seed"])
        #expect(!TraceStore.sources.contains(where: other.includes))
    }

    @Test func aProgramThatIsNotInstalledIsNamed() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try TraceStore(folder: folder, recording: recording)
        let planned = store.rows(
            RowSelection(names: ["trace-sqlite"]), progress: Progress(isWanted: false))
        #expect(planned.rows.isEmpty)
        #expect(planned.skipped == ["trace-sqlite: 'sqlite3' is no program in PATH"])
    }

    @Test func aTraceThatIsThereIsUsed() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try TraceStore(folder: folder, recording: recording)
        let path = store.folder + "/sqlite.trace"
        var log = LogWriter()
        log.add(0, at: 1, .malloc(0x1000, size: 24))
        log.add(0, at: 2, .free(0x1000))
        try FileContents.write(try log.trace().encoded(), to: path)
        let planned = store.rows(
            RowSelection(names: ["trace-sqlite"]), progress: Progress(isWanted: false))
        let row = try #require(planned.rows.first)
        #expect(row.task == .trace(path))
        #expect(row.operations == 2)
        #expect(row.baselineName == "alone")
        #expect(row.row.summary.contains("2 events on 1 thread,"))
    }

    @Test func aDamagedTraceIsNamed() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try TraceStore(folder: folder, recording: recording)
        try FileContents.write(Array("nothing".utf8), to: store.folder + "/sqlite.trace")
        let planned = store.rows(
            RowSelection(names: ["trace-sqlite"]), progress: Progress(isWanted: false))
        #expect(planned.skipped.first?.contains("no trace that can be replayed") == true)
    }

    @Test func aFolderThatCannotBeMadeIsRefused() {
        let failure = #expect(throws: Failure.self) {
            try TraceStore(folder: "/nowhere/at/all", recording: recording)
        }
        #expect(failure?.description.contains("'/nowhere/at/all'") == true)
    }
}
