// SPDX-License-Identifier: MIT
//
// HAKMEM_PROFILE: what an earlier run of this program learnt is loaded at the start, and what this
// one learnt is saved at exit and when its champion changes, to a file beside it that then takes
// its place. So a program that a signal ends leaves a profile too, and no signal of it is taken.
//
// A profile that is damaged, or another program's, is refused with one line, and the defaults hold.
// Ratings of strategies are in it, and rules of call sites, which learning then leaves alone: a
// rule that was saved or written holds until somebody takes it out.

#if HAKMEM_LEARNING
    import CHakmemShim
    import Synchronization

    /// 1 while a thread saves. Taken acquiring, left releasing; only ever tried.
    private let saving = Atomic<UInt32>(0)

    enum LearntProfile {
        private static let capacity = UInt(Profile.bytesMax)
        private static let pathMax = 4096

        /// Which program this is: a key of the name it was started by, its directories left out.
        static var program: UInt64 {
            let address = hak_auxiliary(UInt(AT_EXECFN))
            guard address != 0 else { return 0 }
            let path = pointer(address, to: UInt8.self)
            var sum = Profile.checkStart
            var index = 0
            while path[index] != 0 {
                sum = path[index] == 47 ? Profile.checkStart : Profile.check(sum, path[index])
                index += 1
            }
            return sum
        }

        /// The champion that the file at `path` names for this program; nil if there is no file, or
        /// it is refused. `rate` is given each rating.
        static func load(
            _ path: UnsafePointer<CChar>,
            rate: (_ strategy: Int, _ rating: Int, _ samples: Int) -> Void
        ) -> Int? {
            guard let file = SystemCall.open(path, flags: O_RDONLY | O_CLOEXEC) else { return nil }
            defer { SystemCall.close(file) }
            guard let memory = SystemCall.map(bytes: capacity + 1) else { return nil }
            defer { SystemCall.unmap(memory, bytes: capacity + 1) }
            let start = pointer(memory, to: UInt8.self)
            var count = 0
            while count <= Int(capacity) {
                let read = SystemCall.read(
                    file, into: start + count, count: Int(capacity) + 1 - count)
                if read <= 0 { break }
                count += read
            }
            let bytes = UnsafeBufferPointer(start: UnsafePointer(start), count: count)
            if let refusal = ProfileReader.verify(bytes) {
                Report.badProfile(path, line: refusal.line, refusal.error.text)
                return nil
            }
            return take(bytes, path, rate)
        }

        private static func take(
            _ bytes: UnsafeBufferPointer<UInt8>, _ path: UnsafePointer<CChar>,
            _ rate: (Int, Int, Int) -> Void
        ) -> Int? {
            var reader = ProfileReader(bytes)
            var champion: Int?
            while case .item(let item) = reader.next() {
                switch item {
                case .program(let key):
                    if key != program {
                        Report.badProfile(path, line: 0, "it is another program's")
                        return nil
                    }
                case .strategy(let index): champion = index
                case .rating(let strategy, let rating, let samples):
                    rate(strategy, rating, samples)
                case .rule: break
                }
            }
            if SiteSamples.isOn { giveRules(bytes) }
            return champion
        }

        /// Gives every rule of the profile to the site that it names, where its file is loaded.
        private static func giveRules(_ bytes: UnsafeBufferPointer<UInt8>) {
            CodeMap.visit { range, offset, name in
                forEachRule(bytes) { site, rule in
                    if let address = address(of: site, in: range, offset, name) {
                        SiteSamples.give(address, rule)
                    }
                }
            }
        }

        private static func forEachRule(
            _ bytes: UnsafeBufferPointer<UInt8>, _ body: (ProfileSite, SiteRule) -> Void
        ) {
            var reader = ProfileReader(bytes)
            while case .item(let item) = reader.next() {
                if case .rule(let site, let rule) = item { body(site, rule) }
            }
        }

        private static func address(
            of site: ProfileSite, in range: CodeRange, _ offset: UInt,
            _ name: UnsafeBufferPointer<UInt8>
        ) -> UInt? {
            guard site.module.count == name.count else { return nil }
            for index in 0..<name.count where site.module[index] != name[index] { return nil }
            let address = range.start &+ UInt(site.offset) &- offset
            return range.contains(address) ? address : nil
        }

        /// Appends the rule of every site that has one and lies in a file.
        private static func appendRules(_ writer: inout ProfileWriter) {
            let table = SiteSamples.table
            CodeMap.visit { range, offset, name in
                for index in 0..<table.count {
                    guard let entry = table.entry(index), range.contains(entry.site),
                        entry.rule != .none
                    else { continue }
                    let site = ProfileSite(
                        module: name, offset: UInt64(entry.site - range.start + offset))
                    writer.append(site, entry.rule)
                }
            }
        }

        /// Saves what is known now, unless another thread is at it. For the end of the process, and
        /// for the cold tick when the champion has changed.
        static func save(_ path: UnsafePointer<CChar>) {
            let isMine = saving.compareExchange(
                expected: 0, desired: 1, ordering: .acquiring
            ).exchanged
            if !isMine { return }
            saveNow(path)
            saving.store(0, ordering: .releasing)
        }

        private static func saveNow(_ path: UnsafePointer<CChar>) {
            guard let memory = SystemCall.map(bytes: capacity) else { return }
            defer { SystemCall.unmap(memory, bytes: capacity) }
            let bytes = pointer(memory, to: UInt8.self)
            var writer = ProfileWriter(bytes, capacity: Int(capacity), program: program)
            let state = Evolution.state
            writer.append(strategy: state.pointee.tournament.champion)
            for index in 0..<Strategy.count where state.pointee.tournament.samples(index) > 0 {
                writer.append(
                    strategy: index, rating: Int(state.pointee.tournament.rating(index)),
                    samples: state.pointee.tournament.samples(index))
            }
            if SiteSamples.isOn { appendRules(&writer) }
            guard let count = writer.finish() else { return }
            replace(path, by: UnsafePointer(bytes), count)
        }

        private static func replace(
            _ path: UnsafePointer<CChar>, by bytes: UnsafePointer<UInt8>, _ count: Int
        ) {
            guard let memory = SystemCall.map(bytes: UInt(pathMax)) else { return }
            defer { SystemCall.unmap(memory, bytes: UInt(pathMax)) }
            let beside = pointer(memory, to: CChar.self)
            var length = 0
            while path[length] != 0, length < pathMax - 8 {
                beside[length] = path[length]
                length += 1
            }
            let suffix: StaticString = ".new"
            for index in 0..<suffix.utf8CodeUnitCount {
                beside[length + index] = CChar(bitPattern: suffix.utf8Start[index])
            }
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
            guard let file = SystemCall.open(UnsafePointer(beside), flags: flags, mode: 0o644)
            else {
                Report.badProfile(path, line: 0, "it cannot be written")
                return
            }
            SystemCall.write(file, bytes, count: count)
            SystemCall.close(file)
            if !SystemCall.rename(UnsafePointer(beside), to: path) {
                Report.badProfile(path, line: 0, "it cannot be replaced")
            }
        }
    }
#endif
