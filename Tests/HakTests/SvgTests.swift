// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct SvgTests {
    @Test func anAxisHoldsItsValues() {
        let axis = LogAxis(holding: [1, 64], start: 50, end: 350)
        #expect((50...350).contains(axis.position(1)))
        #expect((50...350).contains(axis.position(64)))
        // The same factor is the same distance.
        let steps = [1.0, 2, 4].map(axis.position)
        #expect(((steps[1] - steps[0]) - (steps[2] - steps[1])).magnitude < 1e-9)
    }

    @Test func ticksAreRoundAndFew() {
        #expect(LogAxis(holding: [0.5, 2], start: 0, end: 1).ticks.contains(1))
        let wide = LogAxis(holding: [1_000, 10_000_000], start: 0, end: 1).ticks
        #expect(wide.count <= 8)
        #expect(wide.contains { ($0 - 100_000).magnitude < 1 })
        #expect(LogAxis(holding: [3], start: 0, end: 1).ticks.count <= 8)
    }

    @Test func nothingToDrawIsNothing() {
        #expect(Svg.curves([], title: "t", xTitle: "x", yTitle: "y") == "")
        #expect(Svg.scatter([], title: "t", xTitle: "x", yTitle: "y") == "")
    }

    @Test func seriesHaveTheirLook() {
        let look = Look(color: 1, variant: 1)
        let series = [Series(name: "b", look: look, points: [(1, 1), (2, 3)])]
        for draw in [Svg.curves, Svg.scatter] {
            let text = draw(series, "t", "x", "y")
            #expect(text.contains("var(--c1)"))
            #expect(!text.contains("var(--c0)"))
            #expect(!text.contains("nan") && !text.contains("inf"))
        }
        #expect(
            Svg.curves(series, title: "t", xTitle: "x", yTitle: "y").contains("dasharray=\"7 4\""))
        #expect(
            Svg.scatter(series, title: "t", xTitle: "x", yTitle: "y").contains("fill=\"none\""))
        #expect(Look(color: 9) == Look(color: 1))
        #expect(Look(color: 1).dash == nil)
    }
}
