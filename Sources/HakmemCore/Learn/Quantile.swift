// SPDX-License-Identifier: MIT
//
// A quantile of a stream in constant space: the P² algorithm (R. Jain, I. Chlamtac, "The P²
// algorithm for dynamic calculation of quantiles and histograms without storing observations",
// Communications of the ACM 28, 1985). Five markers: least, p/2, p, (1 + p)/2, greatest; each
// new value moves the markers towards where they should be, along a parabola through neighbours.
//
//   heights     q0 ≤ q1 ≤ q2 ≤ q3 ≤ q4        the estimate is q2
//   positions   n0 = 1 < n1 < n2 < n3 < n4 = count
//
// Owner: whoever measures; a value. An observation costs about 30 operations and no memory.

package struct Quantile {
    /// Which quantile: 0.99 is the 99th percentile.
    let share: Double
    private(set) var count: UInt = 0
    private var heights = InlineArray<5, Double>(repeating: 0)
    private var positions = InlineArray<5, Double>(repeating: 0)
    private var desired = InlineArray<5, Double>(repeating: 0)

    private static let markerCount = 5

    package init(share: Double) {
        precondition(share > 0 && share < 1)
        self.share = share
        for index in 0..<Quantile.markerCount {
            positions[index] = Double(index + 1)
            desired[index] = 1 + 4 * increment(index)
        }
    }

    /// How far a marker's desired position moves with each value.
    private func increment(_ index: Int) -> Double {
        switch index {
        case 0: 0
        case 1: share / 2
        case 2: share
        case 3: (1 + share) / 2
        default: 1
        }
    }

    /// The quantile of the values so far; exact for the first five, 0 for none.
    package var estimate: Double {
        if count >= UInt(Quantile.markerCount) { return heights[2] }
        if count == 0 { return 0 }
        return heights[min(Int(Double(count) * share), Int(count) - 1)]
    }

    /// Takes in a value, which is finite.
    package mutating func add(_ value: Double) {
        if count < UInt(Quantile.markerCount) {
            insert(value)
            return
        }
        count += 1
        let cell = cellOf(value)
        for index in (cell + 1)..<Quantile.markerCount { positions[index] += 1 }
        for index in 0..<Quantile.markerCount { desired[index] += increment(index) }
        for index in 1...3 { adjust(index) }
    }

    /// One of the first five values, which are the markers in ascending order.
    private mutating func insert(_ value: Double) {
        var index = Int(count)
        while index > 0, heights[index - 1] > value {
            heights[index] = heights[index - 1]
            index -= 1
        }
        heights[index] = value
        count += 1
    }

    /// The marker at or below the value; the outer markers move to take it in.
    private mutating func cellOf(_ value: Double) -> Int {
        if value < heights[0] {
            heights[0] = value
            return 0
        }
        if value >= heights[4] {
            heights[4] = value
            return 3
        }
        var cell = 0
        while cell < 3, value >= heights[cell + 1] { cell += 1 }
        return cell
    }

    /// Moves an inner marker by one when it is that far from where it should be.
    private mutating func adjust(_ index: Int) {
        let off = desired[index] - positions[index]
        let canRise = off >= 1 && positions[index + 1] - positions[index] > 1
        let canFall = off <= -1 && positions[index - 1] - positions[index] < -1
        guard canRise || canFall else { return }
        let step = canRise ? 1.0 : -1.0
        let curved = parabolic(index, step)
        if heights[index - 1] < curved, curved < heights[index + 1] {
            heights[index] = curved
        } else {
            let neighbour = canRise ? index + 1 : index - 1
            heights[index] +=
                step * (heights[neighbour] - heights[index])
                / (positions[neighbour] - positions[index])
        }
        positions[index] += step
    }

    private func parabolic(_ index: Int, _ step: Double) -> Double {
        let before = positions[index - 1]
        let here = positions[index]
        let after = positions[index + 1]
        let rising =
            (here - before + step) * (heights[index + 1] - heights[index]) / (after - here)
        let falling =
            (after - here - step) * (heights[index] - heights[index - 1]) / (here - before)
        return heights[index] + step * (rising + falling) / (after - before)
    }
}
