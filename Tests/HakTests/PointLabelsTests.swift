// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct PointLabelsTests {
    @Test func aNameStandsRightOfItsPoint() {
        var labels = PointLabels([(50, 50)], width: 400, height: 200)
        let place = labels.place("glibc", at: (50, 50))
        #expect(place == .init(x: 60, y: 54, isEnd: false, isFar: false))
    }

    @Test func aNameThatWouldLeaveTheChartStandsLeft() {
        var labels = PointLabels([(390, 50)], width: 400, height: 200)
        #expect(labels.place("glibc", at: (390, 50)).isEnd)
    }

    @Test func pointsOnOneSpotHaveNamesApart() {
        let points = Array(repeating: (x: 200.0, y: 100.0), count: 6)
        var labels = PointLabels(points, width: 400, height: 200)
        let places = points.map { labels.place("allocator", at: $0) }
        for (index, place) in places.enumerated() {
            #expect(!places[..<index].contains(place))
        }
        #expect(places.map(\.isFar).contains(true))
        #expect(places.allSatisfy { (0...200).contains($0.y) })
    }
}
