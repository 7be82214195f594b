// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchFlatnessTests {
    private func document() -> BenchDocument {
        var document = BenchDocument.sample()
        document.rows = [
            .of("scale", live: 1_000, [("hakmem", [14, 12, 99]), ("glibc", [22])]),
            .of("scale", live: 1_000_000, [("hakmem", [63, 65]), ("glibc", [110])]),
            .of("single", live: 1_000, [("hakmem", [1])]),
            .of("json", [("hakmem", [1])]),
        ]
        document.rows[0].touch = BenchCell(allocator: "touch", samples: [.of(cpuNs: 2)])
        document.rows[1].touch = BenchCell(allocator: "touch", samples: [.of(cpuNs: 50)])
        return document
    }

    @Test func theWorkloadsOwnAccessesAreTakenOff() throws {
        let all = BenchFlatness.all(of: document())
        #expect(all.map(\.workload) == ["scale"])
        let scale = try #require(all.first)
        #expect(scale.live == [1_000, 1_000_000])
        #expect(scale.lines.map(\.allocator) == ["hakmem", "glibc", "touch"])
        #expect(scale.lines[0].cpuNs == [12, 63])
        #expect(scale.lines[0].ownNs == [10, 13])
        #expect(scale.lines.map(\.factor) == [1.3, 3, nil])
    }

    @Test func withoutTheAccessesAloneThereIsNoFactor() throws {
        var document = document()
        document.rows[1].touch = nil
        let line = try #require(BenchFlatness.all(of: document).first?.lines.first)
        #expect(line.ownNs == [10, nil])
        #expect(line.factor == nil)
        // An access that costs more alone than with the allocator.
        document.rows[1].touch = BenchCell(allocator: "touch", samples: [.of(cpuNs: 64)])
        #expect(BenchFlatness.all(of: document).first?.lines.first?.factor == nil)
    }

    @Test func itIsShown() {
        let text = document().text()
        #expect(text.contains("scale over live sets"))
        #expect(text.contains("own 1M"))
        #expect(BenchPage(document()).html().contains("<td>1.30×</td>"))
        #expect(!BenchDocument.sample().text().contains("over live sets"))
    }
}
