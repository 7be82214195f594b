// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Windows of the running heap, driven by ticks at given times.
    @Suite struct EvolutionTests {
        private static let millisecond: UInt = 1_000_000

        /// Runs ticks a millisecond apart until `windows` have ended, or one that did not run the
        /// default; gives the lines of the log.
        private func lines(
            _ mode: EvolutionMode, windows: Int, orATrial: Bool = false, bytes: UInt = 40_000
        ) throws -> [[String: Any]] {
            let path = NSTemporaryDirectory() + "hakmem-windows-\(UUID().uuidString)"
            let log = open(path, O_WRONLY | O_CREAT, 0o600)
            defer {
                close(log)
                unlink(path)
            }
            func ended() throws -> [[String: Any]] {
                let text = try String(contentsOfFile: path, encoding: .utf8)
                return try text.split(separator: "\n").map { line in
                    try #require(
                        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                }
            }
            func isEnough() throws -> Bool {
                let lines = try ended()
                return lines.count >= windows
                    || orATrial && lines.contains { $0["strategy"] as? String != "default" }
            }
            try withLearning(mode, log: log) {
                try withCache { _ in
                    var now = Clock.nowNs()
                    var blocks: [UInt] = []
                    // A window after a new strategy has its settling time before it; uneven ones
                    // become longer, which is by what else this machine does.
                    for tick in 0..<windows * 1280 {
                        if tick % 80 == 0, try isEnough() { break }
                        for _ in 0..<16 { blocks.append(try Block.take(bytes)) }
                        blocks.forEach(Block.free)
                        blocks.removeAll()
                        now += EvolutionTests.millisecond
                        Evolution.tick(calls: 1024, nowNs: now)
                    }
                }
            }
            return try ended()
        }

        @Test func windowsEndByEventsAndTime() throws {
            let lines = try lines(.auto, windows: 6)
            #expect(lines.count >= 6)
            for (index, line) in lines.enumerated() {
                #expect(line["window"] as? Int == index + 1)
                #expect((line["events"] as? Int ?? 0) > 0)
                #expect((line["resident_bytes"] as? Int ?? 0) > 0)
                #expect((line["ratings"] as? [String: Int])?.count == Strategy.count)
            }
        }

        @Test func aSlowProgramHasWindowsToo() throws {
            // Six thousand calls in a hundred ticks: time ends the window, and not before.
            let pipe = Pipe()
            try withLearning(.auto, log: pipe.writing) {
                let start = Clock.nowNs()
                Evolution.tick(calls: 64, nowNs: start + 1990 * 1_000_000)
                Evolution.tick(calls: 64, nowNs: start + 2010 * 1_000_000)
            }
            #expect(pipe.collect().split(separator: "\n").count == 1)
        }

        @Test func aTimeBeforeTheWindowEndsNothing() throws {
            let pipe = Pipe()
            try withLearning(.auto, log: pipe.writing) {
                let start = Clock.nowNs()
                for _ in 0..<3 {
                    hakFree(hakMalloc(100))
                    Evolution.tick(calls: 10_000, nowNs: start - 2_000_000_000)
                }
            }
            #expect(pipe.collect().isEmpty)
        }

        @Test func fewEventsInAShortTimeEndNothing() throws {
            let pipe = Pipe()
            try withLearning(.auto, log: pipe.writing) {
                let start = Clock.nowNs()
                Evolution.tick(calls: 100_000, nowNs: start + 10 * 1_000_000)
                Evolution.tick(calls: 64, nowNs: start + 20 * 1_000_000)
            }
            #expect(pipe.collect().isEmpty)
        }

        @Test func learningTriesStrategiesAndFrozenDoesNot() throws {
            // Whales that no default cache takes: strategies differ.
            let learnt = try lines(.learn, windows: 150, orATrial: true, bytes: 65 << 20)
            #expect(Set(learnt.compactMap { $0["strategy"] as? String }).count > 1)
            let frozen = try lines(.frozen, windows: 6)
            #expect(Set(frozen.compactMap { $0["strategy"] as? String }) == ["default"])
            #expect(Set(frozen.compactMap { $0["state"] as? String }) == ["FROZEN"])
        }

        /// What is frozen is neither timed nor learnt from, from the first call on.
        @Test func frozenMeasuresNothing() throws {
            try withLearning(.frozen) {
                #expect(!Sections.areMeasured && !SiteSamples.areTaken)
                let later = Clock.nowNs() + 5_000_000_000
                Evolution.tick(calls: 100_000, nowNs: later)
                Evolution.tick(calls: 100_000, nowNs: later + 5_000_000_000)
                #expect(!Sections.areMeasured && Evolution.state.pointee.sampledForMs == 0)
                Evolution.resetAfterFork()
                #expect(!Sections.areMeasured)
            }
            try withLearning(.learn) {
                #expect(Sections.areMeasured && SiteSamples.areTaken)
            }
        }

        /// A window in which blocks were out for less long than in those before has their level.
        @Test func whatComesAndGoesCountsByItsLevel() throws {
            let pipe = Pipe()
            try withLearning(.learn, log: pipe.writing) {
                try withCache { _ in
                    var now = Clock.nowNs()
                    func window() {
                        now += 2_100_000_000
                        Evolution.tick(calls: 64, nowNs: now)
                    }
                    let block = hakCalloc(1, 8 << 20)!
                    block.fill(8 << 20, 1)
                    window()
                    hakFree(block)
                    window()
                }
            }
            let live = try pipe.collect().split(separator: "\n").map { line in
                let window = try JSONSerialization.jsonObject(with: Data(line.utf8))
                return (window as? [String: Any])?["live_bytes"] as? Int ?? 0
            }
            try #require(live.count == 2)
            #expect(live[0] >= 8 << 20 && live[1] >= live[0] - live[0] / 32 && live[1] < live[0])
        }

        @Test func theActiveStrategyIsTheTournaments() throws {
            try withLearning(.learn) {
                var now = Clock.nowNs()
                for _ in 0..<600 {
                    Block.free(try Block.take(40_000))
                    now += EvolutionTests.millisecond
                    Evolution.tick(calls: 1024, nowNs: now)
                    let running = Evolution.state.pointee.tournament.strategy
                    #expect(policy.pointee == strategyTable[running])
                }
            }
        }

        @Test func aTakenWindowIsLeftToTheOther() throws {
            try withLearning(.auto) {
                Evolution.state.pointee.closing.store(1, ordering: .relaxed)
                Evolution.tick(calls: 64, nowNs: Clock.nowNs() + 5_000_000_000)
                #expect(Evolution.state.pointee.sampledForMs == 0)
                #expect(Evolution.state.pointee.events.load(ordering: .relaxed) == 64)
                Evolution.resetAfterFork()
                Evolution.tick(calls: 64)
                #expect(Evolution.state.pointee.sampledForMs > 0)
            }
        }
    }
}
