// SPDX-License-Identifier: MIT
//
// Learning in the running heap: the cold tick's part. It measures windows, shows them to the
// tournament, and makes the strategy that it names the active one (Policy).
//
//   every slow path     counts itself and its time (Sections)
//   every tick          (64 slow calls of a thread) adds to the window; is it over?
//   window over         10,000 events and 50 ms, or fewer that took long, or two seconds, or
//                       hopeless: one thread closes it, the others go on
//   strategy changed    what the old one kept drains first, then the next window begins
//   nothing to decide   nothing is timed for nine windows; sizes are looked at, and a shift ends it
//
// A window has a least length, because what strategies differ in shows in tens of milliseconds:
// delays of purges, and what was kept for nothing. What it costs: one getrusage and a few
// microseconds. Nothing of this is on a hit path, and a process that does not learn has no state.
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
        /// What the meters said when the window began.
        var start: WindowMeters
        /// How long what the last strategy left behind drains before the window begins; 0 when it
        /// has begun.
        var settleMs: UInt
        /// What a trial may cost until it is looked at, in nanoseconds.
        var lookNs: UInt
        /// When the rest ends, of the clock; 0 while a window is under way. And the sizes that it
        /// began with, to compare later ones with.
        var restUntilNs: UInt
        var restSizes: SizeDistribution
        /// Whether memory was kept or purged in the last window.
        var showsDelays: Bool
        /// Most bytes that were kept at a sample, of this window.
        var peaks: Demands
        /// Sums of what is held, sampled at most once a millisecond, each for the time since the
        /// last sample: bytes times ms, for averages. `mapped` is with pages that were never
        /// written.
        var residentSum: UInt
        var mappedSum: UInt
        var liveSum: UInt
        /// The level of what is live: rises at once, and falls slowly.
        var liveLevel: UInt
        var sampledForMs: UInt
        var sampledMs: UInt
        /// Durations of slow paths, of one a tick.
        var durations: Quantile
        /// Whether this process is a forked child of the one that began.
        var isForked: Bool
        /// Where windows are told to, or -1.
        var log: Int32
        /// When the profile was saved last, in milliseconds; 0 for not yet.
        var savedMs: UInt
    }

    enum Evolution {
        /// Address of the state; 0 while nothing is learnt. Guarded by: written once by the start.
        nonisolated(unsafe) static var address: UInt = 0

        @inline(__always)
        static var isOn: Bool { address != 0 }

        static var state: UnsafeMutablePointer<EvolutionFields> {
            pointer(address, to: EvolutionFields.self)
        }

        /// A window ends with so many events and after so long, or at the latest.
        private static let windowEvents: UInt = 10_000
        static let windowMsMin: UInt = 50
        private static let windowMsMax: UInt = 2000
        /// The least where delays of purges matter, which show over longer times than they are.
        private static let windowMsDelayed: UInt = 250
        /// So few are enough if they took so long.
        private static let fewEvents: UInt = 192
        private static let enoughNs: UInt = 10_000_000
        /// How long a new strategy runs before it is measured: longer where what the last one kept
        /// is due later.
        private static let settleMsMin: UInt = 20
        private static let settleMsMax: UInt = 200
        /// Whether a trial is hopeless is not judged before it has cost so much, and looked at
        /// again when it has cost so much more.
        private static let trialNsMin: UInt = 8_000_000
        private static let trialNsMore: UInt = 2_000_000
        private static let quantileShare = 0.99
        /// The level of what is live falls by this part with each window.
        private static let liveLevelFall: UInt = 32

        // MARK: Start

        /// Begins to learn, from what the file `profile` has if there is one. For the start.
        static func begin(_ mode: EvolutionMode, profile: UnsafePointer<CChar>?, log: Int32) {
            let bytes = UInt(MemoryLayout<EvolutionFields>.size)
            guard Sections.metersAddress != 0, let memory = SystemCall.map(bytes: bytes) else {
                return
            }
            let state = pointer(memory, to: EvolutionFields.self)
            let given = process.options.scoreWeights
            let weights = ScoreWeights(
                cpu: Double(given.cpu), faults: Double(given.faults), memory: Double(given.memory))
            SiteSamples.begin(samples: mode != .frozen)
            var champion: Int?
            var ratings = InlineArray<12, (rating: Int, samples: Int)>(repeating: (0, 0))
            if let profile {
                champion = LearntProfile.load(profile) { ratings[$0] = ($1, $2) }
            }
            withUnsafeMutablePointer(to: &state.pointee.tournament) {
                $0.initialize(
                    to: DefaultTournament(
                        mode: mode, weights: weights, champion: champion ?? Strategy.defaultIndex,
                        isWarm: champion != nil))
            }
            for index in 0..<Strategy.count where ratings[index].samples > 0 {
                state.pointee.tournament.restore(
                    index, rating: Double(ratings[index].rating), samples: ratings[index].samples)
            }
            state.pointee.random = hak_ticks() | 1
            state.pointee.log = log
            address = memory
            Policy.activate(state.pointee.tournament.strategy)
            beginFirstWindow()
        }

        /// What is frozen has none: it rests from the start.
        private static func beginFirstWindow() {
            let meters = WindowMeters(nowNs: Clock.nowNs())
            beginWindow(meters)
            if state.pointee.tournament.mode == .frozen { beginRest(meters.ns, windowNs: 0) }
        }

        // MARK: Windows

        /// At a thread's tick, after `calls` slow calls.
        @inline(never)
        static func tick(calls: UInt, nowNs: UInt = Clock.nowNs()) {
            let state = state
            let events = state.pointee.events.wrappingAdd(calls, ordering: .relaxed).newValue
            guard
                state.pointee.closing.compareExchange(
                    expected: 0, desired: 1, ordering: .acquiring
                ).exchanged
            else { return }
            look(events, nowNs)
            state.pointee.closing.store(0, ordering: .releasing)
        }

        private static func look(_ events: UInt, _ nowNs: UInt) {
            let state = state
            // The clock was read before this thread had its turn: a window may have begun since.
            let nowNs = max(nowNs, state.pointee.start.ns)
            if state.pointee.restUntilNs != 0 {
                rest(nowNs)
                return
            }
            let elapsedMs = (nowNs &- state.pointee.start.ns) / 1_000_000
            if state.pointee.sampledForMs == 0 || nowNs / 1_000_000 != state.pointee.sampledMs {
                sampleMemory(nowNs / 1_000_000)
            }
            state.pointee.durations.add(Double(Sections.lastTicks(.mallocSlow)))
            let isSettling = state.pointee.settleMs != 0
            if isSettling ? elapsedMs >= state.pointee.settleMs : isOver(events, elapsedMs, nowNs) {
                let meters = WindowMeters(nowNs: nowNs)
                if !isSettling { return closeWindow(meters) }
                state.pointee.tournament.settled(measurement(meters))
                beginWindow(meters)
            } else if state.pointee.tournament.isTrying, isTimeToLook(nowNs) {
                let meters = WindowMeters(nowNs: nowNs)
                let partial = measurement(meters)
                if state.pointee.tournament.shouldEndEarly(partial, isSettling: isSettling) {
                    closeWindow(meters)
                }
            }
        }

        /// Whether a window has lasted long enough; the load says how much that is.
        private static func isOver(_ events: UInt, _ elapsedMs: UInt, _ nowNs: UInt) -> Bool {
            let scale = state.pointee.tournament.windowScale
            if elapsedMs >= windowMsMax { return true }
            let delayMs = state.pointee.showsDelays ? windowMsDelayed : 0
            guard elapsedMs >= max(windowMsMin * scale, delayMs) else { return false }
            return events >= windowEvents
                || events >= fewEvents && slowNs(nowNs) >= enoughNs * scale
        }

        /// Whether the trial under way has cost enough to be judged, or again.
        private static func isTimeToLook(_ nowNs: UInt) -> Bool {
            let faults = SystemCall.pageFaults() &- state.pointee.start.pageFaults
            let costNs = slowNs(nowNs) &+ faults &* Rates.pageFaultNs
            if costNs < state.pointee.lookNs { return false }
            state.pointee.lookNs = costNs &+ trialNsMore
            return true
        }

        /// Nanoseconds in slow paths since the window began.
        private static func slowNs(_ nowNs: UInt) -> UInt {
            let start = state.pointee.start
            let ticks = Double(max(hak_ticks() &- start.ticks, 1))
            let slow = Double(WindowMeters.slowTicks &- start.slowTicks)
            return UInt(slow * Double(nowNs &- start.ns) / ticks)
        }

        private static func sampleMemory(_ nowMs: UInt) {
            let state = state
            let held = pageHeap.heldBytes
            let large = min(cachePool.keptLargeBytes, held.live)
            let whales = whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed)
            let kept = large &+ whales &+ (held.resident &- held.live &- whales)
            // Slow paths come in crowds, and seldom where blocks are large: each sample stands for
            // the time before it.
            let weight = max(nowMs &- state.pointee.sampledMs, 1)
            // Of whales the heap knows what is mapped, the kernel what was ever written.
            state.pointee.residentSum &+= min(held.resident, Machine.residentBytes()) &* weight
            state.pointee.mappedSum &+= held.resident &* weight
            state.pointee.liveSum &+= (held.live - large) &* weight
            state.pointee.sampledForMs &+= weight
            state.pointee.sampledMs = nowMs
            state.pointee.peaks.note(large: large, whales: whales, dirty: kept &- large &- whales)
        }

        static func beginWindow(_ meters: WindowMeters, settleMs: UInt = 0) {
            let state = state
            state.pointee.start = meters
            state.pointee.settleMs = settleMs
            state.pointee.lookNs = trialNsMin * state.pointee.tournament.windowScale
            state.pointee.residentSum = 0
            state.pointee.mappedSum = 0
            state.pointee.liveSum = 0
            state.pointee.sampledForMs = 0
            state.pointee.sampledMs = meters.ns / 1_000_000
            state.pointee.peaks = Demands()
            state.pointee.durations = Quantile(share: quantileShare)
            state.pointee.events.store(0, ordering: .relaxed)
        }

        /// What the window has measured so far.
        private static func measurement(_ now: WindowMeters) -> WindowMeasurement {
            let state = state
            let start = state.pointee.start
            let nsPerTick = now.nsPerTick(since: start)
            let sampledForMs = max(state.pointee.sampledForMs, 1)
            var window = WindowMeasurement()
            window.endMs = now.ns / 1_000_000
            window.lengthNs = now.ns &- start.ns
            window.events = max(now.blocks &- start.blocks, 1)
            window.allocatorNs = UInt(Double(now.slowTicks &- start.slowTicks) * nsPerTick)
            window.pageFaults = now.pageFaults &- start.pageFaults
            window.residentBytes = state.pointee.residentSum / sampledForMs
            // Of large blocks that are written sparsely more is live than resident.
            let live = min(state.pointee.liveSum / sampledForMs, window.residentBytes)
            window.liveBytes = max(live, state.pointee.liveLevel)
            window.p99Ns = state.pointee.durations.estimate * nsPerTick
            window.sizes = now.sizes(since: start)
            return window
        }

        private static func closeWindow(_ now: WindowMeters) {
            let state = state
            var window = measurement(now)
            let before = state.pointee.tournament.strategy
            window.candidates = candidates(before, now, window)
            state.pointee.liveLevel = window.liveBytes - window.liveBytes / liveLevelFall
            let decision = state.pointee.tournament.windowEnded(window, random: nextRandom())
            Policy.activate(decision.strategy)
            if SiteSamples.areTaken { SiteSamples.decide() }
            if state.pointee.log >= 0 {
                EvolutionLog.write(window, before, decision, to: state.pointee.log)
            }
            saveAfter(decision.reason, nowMs: now.ns / 1_000_000)
            let lengthNs = now.ns &- state.pointee.start.ns
            beginWindow(now, settleMs: settleMs(from: before, to: decision.strategy))
            if state.pointee.tournament.mayRest { beginRest(now.ns, windowNs: lengthNs) }
        }

        /// The strategies that the window's demands tell apart.
        private static func candidates(
            _ running: Int, _ now: WindowMeters, _ window: WindowMeasurement
        ) -> UInt16 {
            var demands = now.demands(since: state.pointee.start)
            demands.takePeaks(of: state.pointee.peaks)
            demands.residentBytes = window.residentBytes
            demands.mappedBytes =
                state.pointee.mappedSum / max(state.pointee.sampledForMs, 1)
            demands.allocatorNs = window.allocatorNs
            state.pointee.showsDelays = demands.feelsPurges || demands.feelsKept
            return Strategy.candidates(running, under: demands) { strategyTable[$0] }
        }

        private static func settleMs(from before: Int, to after: Int) -> UInt {
            if before == after { return 0 }
            let delay = strategyTable[after].purgeDelayMs
            let isSooner = delay < strategyTable[before].purgeDelayMs
            return min(max(isSooner ? delay + delay / 4 : 0, settleMsMin), settleMsMax)
        }

        /// Saves the profile when the champion has changed, at most so often.
        private static func saveAfter(_ reason: DecisionReason, nowMs: UInt) {
            guard reason.isChange, isSaved, let profile = process.options.profile else { return }
            let saved = state.pointee.savedMs
            if saved != 0, nowMs &- saved < saveMsMin { return }
            state.pointee.savedMs = nowMs
            LearntProfile.save(profile)
        }

        private static let saveMsMin: UInt = 10_000

        /// xorshift64 (Marsaglia 2003).
        private static func nextRandom() -> UInt64 {
            var random = state.pointee.random
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            state.pointee.random = random
            return random
        }

        /// Stops learning; what was active stays. For tests: slow paths must be at rest.
        static func end() {
            guard isOn else { return }
            SystemCall.unmap(address, bytes: UInt(MemoryLayout<EvolutionFields>.size))
            address = 0
            SiteSamples.end()
        }

        /// In a forked child: a thread that was closing a window is not there, the meters of the
        /// kernel begin at 0, and log and profile are the parent's.
        static func resetAfterFork() {
            guard isOn else { return }
            state.pointee.closing.store(0, ordering: .relaxed)
            state.pointee.log = -1
            state.pointee.isForked = true
            state.pointee.restUntilNs = 0
            Sections.measure(process.options.timing != 0 ? .parts : .whole)
            beginFirstWindow()
        }

        /// Whether what is learnt here is to be saved.
        static var isSaved: Bool { isOn && !state.pointee.isForked }
    }
#endif
