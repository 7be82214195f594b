// SPDX-License-Identifier: MIT
//
// Learning in the running heap: the cold tick's part. It measures windows, shows them to the
// tournament, and makes the strategy that it names the active one (Policy).
//
//   every slow path     counts itself and its time (Sections)
//   every tick          (64 slow calls of a thread) adds to the window; is it over?
//   window over         10,000 events or two seconds: one thread closes it, the others go on
//
// What a window costs, in numbers: one getrusage and a few microseconds. Nothing of this is on a hit
// path, and a process that does not learn has no state of it.
//
// Guarded by: `closing`, which is only ever tried: a tick that finds it taken leaves its events for
// the next. Events are counted by all threads, relaxed.

#if HAKMEM_LEARNING
    import CHakmemShim
    import Synchronization

    /// The state of learning; zeroed memory with a tournament in it.
    struct EvolutionFields: ~Copyable {
        /// Slow-path events since the window began, in steps of ticks.
        let events: Atomic<UInt>
        /// 1 while a thread looks at the window. Taken acquiring, left releasing.
        let closing: Atomic<UInt32>
        var tournament: DefaultTournament
        var random: UInt64
        var startMs: UInt
        var startNs: UInt
        var startTicks: UInt64
        /// What the meters said when the window began.
        var slowCalls: UInt
        var slowTicks: UInt
        var pageFaults: UInt
        var sizes: SizeDistribution
        /// Sums over the window's ticks, for averages.
        var residentSum: UInt
        var liveSum: UInt
        var samples: UInt
        /// Durations of slow paths, of one a tick.
        var durations: Quantile
        /// Where windows are told to, or -1.
        var log: Int32
    }

    enum Evolution {
        /// Address of the state; 0 while nothing is learnt. Guarded by: written once by the start.
        nonisolated(unsafe) static var address: UInt = 0

        @inline(__always)
        static var isOn: Bool { address != 0 }

        static var state: UnsafeMutablePointer<EvolutionFields> {
            pointer(address, to: EvolutionFields.self)
        }

        /// A window ends with so many events, or so late.
        private static let windowEvents: UInt = 10_000
        private static let windowMs: UInt = 2000
        private static let quantileShare = 0.99

        // MARK: Start

        /// Begins to learn, from what the file `profile` has if there is one. For the start.
        static func begin(_ mode: EvolutionMode, profile: UnsafePointer<CChar>?, log: Int32) {
            let bytes = UInt(MemoryLayout<EvolutionFields>.size)
            guard Sections.areMeasured, let memory = SystemCall.map(bytes: bytes) else { return }
            let state = pointer(memory, to: EvolutionFields.self)
            var champion: Int?
            var ratings = InlineArray<12, (rating: Int, samples: Int)>(repeating: (0, 0))
            if let profile {
                champion = LearntProfile.load(profile) { ratings[$0] = ($1, $2) }
            }
            withUnsafeMutablePointer(to: &state.pointee.tournament) {
                $0.initialize(
                    to: DefaultTournament(
                        mode: mode, champion: champion ?? Strategy.defaultIndex,
                        isWarm: champion != nil))
            }
            for index in 0..<Strategy.count where ratings[index].samples > 0 {
                state.pointee.tournament.restore(
                    index, rating: Double(ratings[index].rating), samples: ratings[index].samples)
            }
            state.pointee.random = hak_ticks() | 1
            state.pointee.log = log
            address = memory
            beginWindow(Clock.nowNs())
            Policy.activate(state.pointee.tournament.strategy)
        }

        // MARK: Windows

        /// At a thread's tick, after `calls` slow calls; `bytes` is the size of the last request.
        @inline(never)
        static func tick(calls: UInt, bytes: UInt) {
            let state = state
            let events = state.pointee.events.wrappingAdd(calls, ordering: .relaxed).newValue
            guard
                state.pointee.closing.compareExchange(
                    expected: 0, desired: 1, ordering: .acquiring
                ).exchanged
            else { return }
            let held = pageHeap.heldBytes
            state.pointee.residentSum &+= held.resident
            state.pointee.liveSum &+= held.live
            state.pointee.samples &+= 1
            state.pointee.sizes.add(bytes)
            state.pointee.durations.add(Double(Sections.lastTicks(.mallocSlow)))
            let now = Clock.nowNs()
            let isOver =
                events >= windowEvents || now / 1_000_000 &- state.pointee.startMs >= windowMs
            if isOver { closeWindow(events, now) }
            state.pointee.closing.store(0, ordering: .releasing)
        }

        private static func beginWindow(_ now: UInt) {
            let state = state
            state.pointee.startMs = now / 1_000_000
            state.pointee.startNs = now
            state.pointee.startTicks = hak_ticks()
            let slow = slowPaths()
            state.pointee.slowCalls = slow.calls
            state.pointee.slowTicks = slow.ticks
            state.pointee.pageFaults = SystemCall.pageFaults()
            state.pointee.sizes = SizeDistribution()
            state.pointee.residentSum = 0
            state.pointee.liveSum = 0
            state.pointee.samples = 0
            state.pointee.durations = Quantile(share: quantileShare)
            state.pointee.events.store(0, ordering: .relaxed)
        }

        private static func slowPaths() -> (calls: UInt, ticks: UInt) {
            let malloc = Sections.total(.mallocSlow)
            let free = Sections.total(.freeSlow)
            return (malloc.calls &+ free.calls, malloc.ticks &+ free.ticks)
        }

        private static func closeWindow(_ events: UInt, _ now: UInt) {
            let state = state
            let slow = slowPaths()
            let ticks = Double(max(hak_ticks() &- state.pointee.startTicks, 1))
            let nsPerTick = Double(now &- state.pointee.startNs) / ticks
            let samples = max(state.pointee.samples, 1)
            var window = WindowMeasurement()
            window.endMs = now / 1_000_000
            window.events = max(slow.calls &- state.pointee.slowCalls, 1)
            window.allocatorNs = UInt(
                Double(slow.ticks &- state.pointee.slowTicks) * nsPerTick)
            window.pageFaults = SystemCall.pageFaults() &- state.pointee.pageFaults
            window.residentBytes = state.pointee.residentSum / samples
            window.liveBytes = state.pointee.liveSum / samples
            window.p99Ns = state.pointee.durations.estimate * nsPerTick
            window.sizes = state.pointee.sizes
            let before = state.pointee.tournament.strategy
            let decision = state.pointee.tournament.windowEnded(window, random: nextRandom())
            Policy.activate(decision.strategy)
            if state.pointee.log >= 0 {
                EvolutionLog.write(window, before, decision, to: state.pointee.log)
            }
            beginWindow(now)
        }

        /// xorshift64 (Marsaglia 2003).
        private static func nextRandom() -> UInt64 {
            var random = state.pointee.random
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            state.pointee.random = random
            return random
        }

        /// In a forked child: a thread that was closing a window is not there.
        static func resetAfterFork() {
            if isOn { state.pointee.closing.store(0, ordering: .relaxed) }
        }
    }
#endif
