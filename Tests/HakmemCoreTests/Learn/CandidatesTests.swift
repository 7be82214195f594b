// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

/// Which strategies a load can tell apart.
@Suite struct CandidatesTests {
    private func candidates(_ running: Int = 0, _ change: (inout Demands) -> Void) -> Set<Int> {
        var demands = Demands()
        demands.allocatorNs = 1_000_000
        demands.residentBytes = 100 << 20
        change(&demands)
        let bits = Strategy.candidates(running, under: demands)
        return Set((0..<Strategy.count).filter { bits >> UInt16($0) & 1 == 1 })
    }

    @Test func whatAsksForNothingTellsNothingApart() {
        #expect(candidates { _ in } == [0])
        #expect(candidates(5) { _ in } == [5])
    }

    @Test func refillsTellTheirSizesApart() {
        let found = candidates {
            $0.refills = 5000
            $0.refilledBlocks = 200_000
        }
        // By refill size: 64, 256, 8 and 16.
        #expect(found == [0, 7, 8, 1])
        let short = candidates {
            $0.refills = 5000
            $0.refilledBlocks = 20_000
        }
        #expect(short == [0])
    }

    @Test func whalesAskForWhatIsKeptOfThem() {
        let found = candidates { $0.whaleMisses = 100 }
        #expect(found.isSuperset(of: [0, 6, 3, 4, 10]))
        #expect(found.isDisjoint(with: [5, 7, 9]))
    }

    /// Huge pages would write what the program does not.
    @Test func sparseWhalesAskForNoHugePages() {
        let sparse = candidates {
            $0.whaleMisses = 100
            $0.mappedBytes = 300 << 20
        }
        #expect(!sparse.contains(10) && sparse.contains(6))
    }

    @Test func growthAsksForHeadRoom() {
        let found = candidates { $0.moves = 100 }
        #expect(found.contains(9) && !found.contains(5) && !found.contains(7))
    }

    @Test func keptMemoryAsksForShorterDelaysAndPurgesForLongerOnes() {
        let kept = candidates { $0.dirtyBytesPeak = 4 << 20 }
        #expect(kept.contains(1) && !kept.contains(3))
        let purged = candidates { $0.purges = 1000 }
        #expect(purged.contains(6) || purged.contains(3))
    }

    @Test func whatIsNotFeltDoesNotCount() {
        #expect(candidates { $0.largeMisses = 1 } == [0])
        #expect(candidates { $0.largeMisses = 1000 }.contains(5))
        #expect(candidates { $0.dirtyBytesPeak = 1 << 10 } == [0])
    }

    @Test func whatTheUserHasSetIsNoDifference() {
        let options = OptionValues.parsed([
            "HAKMEM_WHALE_CACHE_MB=64", "HAKMEM_PURGE_DELAY_MS=100", "HAKMEM_HUGE_PAGES=none",
        ])
        var demands = Demands()
        demands.whaleMisses = 1000
        let bits = Strategy.candidates(0, under: demands) { Strategy($0, options: options) }
        #expect(bits >> 6 & 1 == 0)
    }

    @Test func theOrderNamesEveryStrategyOnce() {
        #expect(Set((0..<Strategy.count).map(Strategy.inOrder)) == Set(0..<Strategy.count))
        #expect(Strategy.inOrder(0) == Strategy.defaultIndex)
        #expect(Strategy.name(Strategy.prompt).description == "prompt")
        #expect(Strategy.name(Strategy.hoard).description == "hoard")
        #expect(Strategy.name(Strategy.lean).description == "lean")
    }
}
