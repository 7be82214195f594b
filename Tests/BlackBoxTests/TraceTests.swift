// SPDX-License-Identifier: MIT
//
// Recording and replaying, with the tool as people use it.

import Foundation
import Testing

@Suite struct TraceTests {
    /// Blocks that the program allocates and frees before it does anything else.
    private static let blocks = 1000

    private struct Document: Decodable {
        let comparisons: [Comparison]
    }

    /// What a replay says of a trace.
    private struct Comparison: Decodable {
        struct Cell: Decodable {
            let allocator: String
            let hakCalls: Int?
        }

        let events: Int
        let threads: Int
        let blocksLiveMax: Int
        let cells: [Cell]
    }

    /// Records the program in one of its ways; gives the tool's outcome.
    private func record(_ way: String, in folder: TemporaryFolder) throws -> Outcome {
        let program = try Sources.program("traced.c")
        var command = Command(
            [
                Product.folder + "/hak", "trace", "--output", "t.trace", "--images", "2", "--",
                program,
            ]
                + (way.isEmpty ? [] : [way]))
        command.directory = folder.path
        return command.run()
    }

    /// Replays the trace on the library and on libc, once each.
    private func replay(_ name: String = "t.trace", in folder: TemporaryFolder) throws -> Comparison
    {
        var command = Command([
            Product.folder + "/hak", "replay", name, "--allocator", "hakmem,glibc",
            "--repetitions", "1", "--touch", "pages", "--json", "t.json", "--library",
            Product.library,
        ])
        command.directory = folder.path
        expectSuccess(command.run(), command.words)
        let json = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/t.json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try #require(try decoder.decode(Document.self, from: json).comparisons.first)
    }

    private func expectExit(_ status: Int32, _ outcome: Outcome) {
        #expect(outcome.ending == .exited(status), "\(outcome.errors)")
    }

    @Test(Installed.needs("gcc")) func everyCallIsThere() throws {
        let folder = try TemporaryFolder()
        expectExit(3, try record("", in: folder))
        let plain = try replay(in: folder)
        #expect(plain.events == 2 * TraceTests.blocks)
        #expect(plain.blocksLiveMax == TraceTests.blocks)
        #expect(plain.threads == 1)
        #expect(plain.cells.map(\.allocator) == ["hakmem", "glibc", "alone"])
        #expect(plain.cells.first?.hakCalls ?? 0 > 0)
        expectExit(3, try record("kinds", in: folder))
        #expect(try replay(in: folder).events == plain.events + 10)
    }

    @Test(Installed.needs("gcc")) func blocksAreHandedOver() throws {
        let folder = try TemporaryFolder()
        expectExit(3, try record("threads", in: folder))
        let document = try replay(in: folder)
        #expect(document.threads == 9)
        #expect(document.events >= 18 * TraceTests.blocks)
        #expect(document.events < 19 * TraceTests.blocks)
    }

    @Test(Installed.needs("gcc")) func aChildHasATraceOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let outcome = try record("fork", in: folder)
        expectExit(3, outcome)
        #expect(outcome.errors.contains("  \(TraceTests.blocks) "), "\(outcome.errors)")
        #expect(try replay(in: folder).events == 10 * TraceTests.blocks)
        #expect(try replay("t.trace.2", in: folder).events == 2 * TraceTests.blocks)
    }

    @Test(Installed.needs("gcc")) func aKilledProgramLosesNothing() throws {
        let folder = try TemporaryFolder()
        expectExit(128 + 9, try record("killed", in: folder))
        #expect(try replay(in: folder).events == 2 * TraceTests.blocks)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains("logs") })
    }

    /// A large program with threads, processes and signal handlers still does its work.
    @Test(Installed.needs("python3")) func realProgramsCanBeRecorded() throws {
        let folder = try TemporaryFolder()
        let work = """
            import threading, subprocess, os
            def work():
                for _ in range(20):
                    list(map(str, range(2000)))
            threads = [threading.Thread(target=work) for _ in range(6)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print(subprocess.run(["true"]).returncode)
            """
        var command = Command([
            Product.folder + "/hak", "trace", "--output", "t.trace", "--", "python3", "-c", work,
        ])
        command.directory = folder.path
        command.environment["PYTHONMALLOC"] = "malloc"
        let outcome = command.run()
        expectSuccess(outcome, command.words)
        #expect(outcome.output == "0\n")
        #expect(try replay(in: folder).threads > 6)
    }

    /// A program is recorded when its row is asked for, and not again where the trace is kept.
    @Test(Installed.needs("sqlite3")) func tracesAreRowsOfTheBenchmark() throws {
        struct Results: Decodable {
            struct Row: Decodable {
                let row: [String: String]
                let cells: [Cell]
                struct Cell: Decodable {
                    let allocator: String
                    let hakCalls: Int?
                }
            }
            let rows: [Row]
        }
        let folder = try TemporaryFolder()
        var command = Command([
            Product.folder + "/hak", "bench", "--scenario", "trace-sqlite", "--allocator",
            "hakmem,glibc", "--repetitions", "1", "--traces", "kept", "--json", "t.json",
            "--library", Product.library,
        ])
        command.directory = folder.path
        for _ in 0..<2 {
            let outcome = command.run()
            expectSuccess(outcome, command.words)
            #expect(outcome.output.contains("alone "))
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let results = try decoder.decode(
            Results.self, from: Data(contentsOf: URL(fileURLWithPath: folder.path + "/t.json")))
        let row = try #require(results.rows.first)
        #expect(row.row["family"] == "traces")
        #expect(row.cells.map(\.allocator) == ["hakmem", "glibc"])
        #expect(row.cells.first?.hakCalls ?? 0 > 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/kept")
        #expect(names == ["sqlite.trace"])
    }

    @Test func whatCannotBeReplayedIsNamed() throws {
        let outcome = Command([Product.folder + "/hak", "replay", "/proc/version"]).run()
        #expect(!outcome.isSuccess)
        #expect(outcome.errors.contains("'/proc/version'"))
    }
}
