// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import hak

@Suite struct LearnWatchTests {
    static func line(_ window: Int, strategy: String = "lean", next: String = "default") -> String {
        """
        {"window": \(window), "end_ms": \(window * 100), "load": 0, "state": "LEARN", \
        "strategy": "\(strategy)", "next": "\(next)", "reason": "trying <strategies>", \
        "cost_permille": \(900 + window), "events": 10000, "allocator_ns": 5, "page_faults": 2, \
        "resident_bytes": 2000000, "live_bytes": 1000000, "p99_ns": 70, "site_events": 3, \
        "ratings": {"default": 1500, "lean": 1520}}
        """
    }

    private func windows(_ count: Int) -> [LearnWindow] {
        (1...count).compactMap { LearnWindow(line: LearnWatchTests.line($0).utf8) }
    }

    @Test func aLineIsAWindow() throws {
        let window = try #require(windows(1).first)
        #expect(window.window == 1 && window.costPermille == 901)
        #expect(window.leaderboard.map(\.name) == ["lean", "default"])
        #expect(window.text.contains("lean → default: trying") && window.text.contains("0.90"))
        #expect(LearnWindow(line: "{\"window\": 1}".utf8) == nil)
        #expect(LearnWindow(line: "".utf8) == nil)
    }

    @Test func aGrowingFileIsReadLineByLine() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        var log = GrowingLog(descriptor: ends[0])
        func write(_ text: String) {
            let bytes = Array(text.utf8)
            #expect(Glibc.write(ends[1], bytes, bytes.count) == bytes.count)
        }
        var seen: [Int] = []
        let lines = (1...3).map { LearnWatchTests.line($0) + "\n" }
        write(lines[0] + lines[1].prefix(20))
        log.advance { seen.append($0.window) }
        #expect(seen == [1])
        write(lines[1].dropFirst(20) + "no window\n" + lines[2])
        log.advance { seen.append($0.window) }
        #expect(seen == [1, 2, 3] && log.windows.count == 3)
    }

    @Test func theSummaryCountsWindows() {
        let text = LearnWatch.summary(windows(4))
        #expect(text.contains("4 windows, LEARN, next default"))
        #expect(LearnWatch.summary([]).contains("no window"))
    }

    @Test func theTimelineStandsAlone() {
        let svg = LearnTimeline.svg(windows(5), title: "a<b")
        #expect(svg.hasPrefix("<svg xmlns=") && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("a&lt;b") && svg.contains("trying &lt;strategies&gt;"))
        #expect(svg.components(separatedBy: "<circle").count == 1 + 5 + 2)
        #expect(!svg.contains("http://www.w3.org/1999") && !svg.contains("nan"))
        #expect(LearnTimeline.svg([], title: "x").contains("0 windows"))
    }
}
