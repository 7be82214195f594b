// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchReadmeTests {
    private let readme = BenchReadme(document: .sample())

    @Test func theMatrixReplacesWhatStoodBetweenTheMarks() throws {
        let text = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
        let once = try readme.inserted(into: text, path: "R.md")
        #expect(once.hasPrefix("before\n<!-- bench -->\n"))
        #expect(once.hasSuffix("<!-- /bench -->\nafter\n"))
        #expect(!once.contains("old"))
        #expect(try readme.inserted(into: once, path: "R.md") == once)
    }

    @Test func aLineAFamilyAndOneOfAll() {
        let text = readme.summaryText()
        #expect(text.contains("| CPU time | hakmem | glibc | mimalloc | nothp | oracle |"))
        #expect(text.contains("| seed | 0.50 | 0.80 | 1.00 | 0.20 | 0.80 | 0.63 |"))
        #expect(text.contains("| **all rows** |"))
        #expect(text.contains("nothp (libmimalloc.so.3 MIMALLOC_ALLOW_THP=0). Those with"))
        #expect(!text.contains("idle second |"))
    }

    @Test func aFileWithoutMarksIsRefused() {
        let failure = #expect(throws: Failure.self) {
            try readme.inserted(into: "<!-- /bench --> <!-- bench -->", path: "R.md")
        }
        #expect(failure?.description.contains("'R.md'") == true)
    }
}
