// SPDX-License-Identifier: MIT
//
// While the champion stands, one window in ten is measured. In the others nothing is timed, quick
// paths are quick again, and sizes alone are looked at: a shift of them ends the rest.
//
// Guarded by: `closing`, as all of a window.

#if HAKMEM_LEARNING
    extension Evolution {
        /// A rest lasts so many windows, within bounds.
        private static let restWindows: UInt = 9
        private static let restMsMax: UInt = 10_000
        /// A rest ends when sizes are so far from those that it began with.
        private static let shiftedDistance = 0.25

        /// Stops timing for a while. A user who asked for times, and a watcher, see them all.
        static func beginRest(_ nowNs: UInt, windowNs: UInt) {
            let state = state
            if process.options.timing != 0 { return }
            let isForGood = state.pointee.tournament.mode == .frozen
            if isForGood, state.pointee.log >= 0 { return }
            let restNs = min(windowNs * restWindows, restMsMax * 1_000_000)
            state.pointee.restUntilNs = isForGood ? .max : nowNs + restNs
            state.pointee.restSizes = SizeDistribution()
            Sections.measure(SiteSamples.hasRules ? .sites : .nothing)
        }

        /// At a tick while nothing is timed: sizes alone say whether the load is still the same.
        static func rest(_ nowNs: UInt) {
            let state = state
            if state.pointee.restUntilNs == .max { return }
            let sinceMs = (nowNs &- state.pointee.start.ns) / 1_000_000
            if nowNs < state.pointee.restUntilNs, sinceMs < windowMsMin { return }
            let meters = WindowMeters(nowNs: nowNs)
            let sizes = meters.sizes(since: state.pointee.start)
            state.pointee.start = meters
            if state.pointee.restSizes.total == 0 { state.pointee.restSizes = sizes }
            let distance = state.pointee.restSizes.distance(to: sizes)
            if nowNs >= state.pointee.restUntilNs || distance > shiftedDistance { endRest(nowNs) }
        }

        private static func endRest(_ nowNs: UInt) {
            state.pointee.restUntilNs = 0
            Sections.measure(process.options.timing != 0 ? .parts : .whole)
            beginWindow(WindowMeters(nowNs: nowNs))
        }
    }
#endif
