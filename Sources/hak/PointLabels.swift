// SPDX-License-Identifier: MIT
//
// Where the names of points stand in a chart, so that none covers another or a point.

/// Places names one after the other.
struct PointLabels {
    /// Where a name stands: its base line's start, or its end where `isEnd`.
    struct Place: Equatable {
        let x: Double
        let y: Double
        let isEnd: Bool
        /// Whether the name stands apart from its point.
        let isFar: Bool
    }

    /// Left, top, right, bottom.
    private typealias Box = (left: Double, top: Double, right: Double, bottom: Double)

    private var taken: [Box]
    private let width: Double
    private let height: Double

    /// A letter's width and a line's height at the page's size, in pixels.
    private static let letter = 7.2
    private static let line = 13.0
    /// A point's radius with some air.
    private static let radius = 7.0
    /// The steps up and down that are tried.
    private static let stepsMax = 8

    /// Names for `points` in a chart of that size.
    init(_ points: [(Double, Double)], width: Double, height: Double) {
        taken = points.map { x, y in
            (x - Self.radius, y - Self.radius, x + Self.radius, y + Self.radius)
        }
        self.width = width
        self.height = height
    }

    /// The free place nearest to the point, right of it before left of it.
    mutating func place(_ name: String, at point: (x: Double, y: Double)) -> Place {
        let wide = Double(name.count) * Self.letter
        for step in 0...Self.stepsMax {
            for up in step == 0 ? [0.0] : [Double(step), -Double(step)] {
                for isEnd in [false, true] {
                    let x = point.x + (isEnd ? -10 : 10)
                    let y = point.y + 4 + up * Self.line
                    let left = isEnd ? x - wide : x
                    let box = (left, y - Self.line + 2, left + wide, y + 3)
                    guard left >= 0, left + wide <= width, box.1 >= 0, y <= height,
                        !taken.contains(where: { Self.meet($0, box) })
                    else { continue }
                    taken.append(box)
                    return Place(x: x, y: y, isEnd: isEnd, isFar: step > 0)
                }
            }
        }
        return Place(x: point.x + 10, y: point.y + 4, isEnd: false, isFar: false)
    }

    private static func meet(_ one: Box, _ other: Box) -> Bool {
        one.left < other.right && other.left < one.right && one.top < other.bottom
            && other.top < one.bottom
    }
}
