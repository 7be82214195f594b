// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchPageTests {
    private let html = BenchPage(.sample()).html()

    /// The tags that are open at the end, or the first that closes another's place.
    private func imbalance(of text: String) -> [String] {
        var open: [String] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { return ["<"] }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("!") || tag.hasSuffix("/") { continue }
            let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }
            if !tag.hasPrefix("/") {
                open.append(String(name))
            } else if open.last == String(name) {
                open.removeLast()
            } else {
                return open + ["/\(name)"]
            }
        }
        return open
    }

    @Test func everyTagIsClosed() {
        #expect(imbalance(of: html) == [])
        #expect(imbalance(of: "<a><b></a>") == ["a", "b", "/a"])
    }

    @Test func thePageNeedsNothingElse() {
        for word in ["http:", "https:", "src=", "href=", "@import", "url(", "<script"] {
            #expect(!html.contains(word))
        }
        #expect(html.contains("prefers-color-scheme: dark"))
    }

    @Test func thePageHasMatrixPlaneAndCurves() {
        #expect(html.contains("<td class=\"b3\""))
        #expect(html.contains("~0.95</td>"))
        #expect(html.contains("lower left is best"))
        #expect(html.contains("hand-over: CPU time"))
        #expect(html.contains("Over threads"))
        #expect(!html.contains("Over live sets"))
    }

    @Test func instructionsAreShownWhereTheyWereCounted() {
        #expect(!html.contains("<h2>Instructions</h2>"))
        var document = BenchDocument.sample()
        document.rows[0].cells[0].instructionsPerOperation = 28.5
        let counted = BenchPage(document).html()
        #expect(counted.contains("<td>28.5</td><td>–</td>"))
        #expect(imbalance(of: counted) == [])
    }

    @Test func textIsNoMarkup() {
        #expect(html.contains("a &lt;row&gt;"))
        #expect(Svg.escaped("<a b=\"c\">&") == "&lt;a b=&quot;c&quot;&gt;&amp;")
    }

    @Test func variantsHaveTheColourOfTheirLibrary() {
        let looks = BenchPage(.sample()).looks
        #expect(looks["nothp"]?.color == looks["mimalloc"]?.color)
        #expect(looks["nothp"]?.dash != nil)
        #expect(looks["mimalloc"]?.dash == nil)
        #expect(Set(["hakmem", "glibc", "mimalloc"].map { looks[$0]?.color }).count == 3)
    }

    @Test func realProgramsHaveAPlaneOfTheirOwn() {
        #expect(!html.contains("Programs and traces"))
        var document = BenchDocument.sample()
        document.rows.append(
            .of("trace-g++", family: "traces", [("hakmem", [5]), ("mimalloc", [6])]))
        let page = BenchPage(document).html()
        #expect(page.contains("Programs and traces: lower left"))
        #expect(imbalance(of: page) == [])
    }

    @Test func figuresHaveTheUnitThatFits() {
        #expect(
            [90.71, 53_344, 419_984_000, 2e12].map(Metric.cpu.text)
                == ["90.7 ns", "53.3 µs", "420 ms", "2000 s"])
        #expect(
            [500, 5_958, 3_145_728].map(Metric.peak.text)
                == ["500 KiB", "5.82 MiB", "3.00 GiB"])
    }

    @Test func shadesGrowWithTheFactor() {
        let shades = [0.4, 0.6, 0.8, 0.9, 0.99, 1.0, 1.1, 1.3, 1.9, 2.1].map(BenchPage.shade)
        #expect(shades == ["b4", "b3", "b2", "b1", "b0", "w0", "w1", "w2", "w3", "w4"])
    }
}
