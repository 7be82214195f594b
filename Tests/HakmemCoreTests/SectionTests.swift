// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// The timed parts of slow paths.
    @Suite struct SectionTests {
        @Test func offNothingIsMeasured() throws {
            try withCache { _ in
                try require(!Sections.areMeasured)
                Sections.measure(.flush) {}
                Block.free(try Block.take(100_000))
                for index in 0..<Section.count {
                    let total = Sections.total(Section(rawValue: index)!)
                    try require(total.calls == 0 && total.ticks == 0 && total.longest == 0)
                }
            }
        }

        @Test func eachSectionCountsItself() throws {
            try withLearning {
                try withCache { _ in
                    Block.free(try Block.take(100_000))
                    Block.free(try Block.take(100_000))
                    Block.free(try Block.take(largeMax + 4096))
                }
                for section in [Section.mallocSlow, .freeSlow, .largeGet, .largePut] {
                    #expect(Sections.total(section).calls >= 2, "\(section.name)")
                }
                #expect(Sections.total(.whaleGet).calls >= 1)
                #expect(Sections.total(.whalePut).calls >= 1)
                let slow = Sections.total(.mallocSlow)
                #expect(slow.ticks >= slow.longest && slow.longest > 0)
                #expect(Sections.total(.largeGet).ticks <= slow.ticks)
            }
        }

        @Test func whatTheTrialMeasuredIsTakenBack() throws {
            try withLearning {
                for _ in 0..<5 { Sections.measure(.drain) {} }
                let before = Sections.total(.drain)
                for _ in 0..<3 { Sections.measure(.drain) {} }
                let ticks = Sections.total(.drain).ticks &- before.ticks
                Sections.forget(.drain, calls: 3, ticks: ticks)
                #expect(Sections.total(.drain).calls == before.calls)
                #expect(Sections.total(.drain).ticks == before.ticks)
            }
        }
    }
}
