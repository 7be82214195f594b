// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchSummaryTests {
    private let document = BenchDocument.sample()

    @Test func theGeometricMean() throws {
        let mean = try #require(BenchSummary.geomean([1, 4, 2]))
        #expect((mean - 2).magnitude < 1e-12)
        #expect(BenchSummary.geomean([]) == nil)
        #expect(BenchSummary.geomean([1, 0]) == nil)
    }

    @Test func ratiosAreOfMedians() {
        #expect(document.rows[0].ratio("hakmem", to: "mimalloc", .cpu) == 0.5)
        #expect(document.rows[0].ratio("hakmem", to: "mimalloc", .peak) == 0.25)
        #expect(document.rows[0].ratio("hakmem", to: "jemalloc", .cpu) == nil)
    }

    @Test func theBestPeerIsNeitherTheSubjectNorAVariant() {
        let best = document.rows.map { $0.best(of: document.summary.peers, .cpu) }
        #expect(best.map { $0?.allocator } == ["glibc", "mimalloc", "mimalloc"])
    }

    @Test func differencesWithinTheSpreadAreMarked() throws {
        let peers = document.summary.peers
        let marks = try document.rows.map { row in
            row.isNoise("hakmem", against: try #require(row.best(of: peers, .cpu)), .cpu)
        }
        #expect(marks == [false, true, false])
        #expect(document.text().contains("~0.95"))
    }

    @Test func meansOverRows() throws {
        let summary = document.summary
        #expect(summary.families == ["seed", "hand-over"])
        let seed = summary.filtered { $0.family == "seed" }
        #expect(seed.geomean("hakmem", .cpu) == 0.5)
        #expect(seed.geomeanToBest(.cpu) == 0.625)
        #expect(seed.oracle(.cpu) == 0.8)
        #expect(seed.geomean("hakmem", .idle) == nil)
    }

    @Test func theBaseIsMimallocWhereItTakesPart() {
        func base(_ names: String...) -> String? {
            BenchDocument(
                allocators: names.map {
                    $0 == "hakmem" ? .hakmem(library: "/h") : Allocator(name: $0, library: nil)
                }, rounds: 1
            ).base
        }
        #expect(base("hakmem", "glibc", "mimalloc") == "mimalloc")
        #expect(base("hakmem", "glibc", "tbb") == "glibc")
        #expect(base("hakmem") == nil)
    }
}
