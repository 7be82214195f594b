// SPDX-License-Identifier: MIT
//
// The start of the allocator, at the first miss of any thread, often before any constructor has
// run; and what the library's own constructor and destructor add.

import CHakmemShim
import Synchronization

/// Guarded by: itself. Taken before every other lock.
private let startLock = Lock()

enum Start {
    /// Makes the heap if it is not there; false when the kernel refuses the memory for it.
    @inline(never)
    static func ensure() -> Bool {
        startLock.acquire()
        defer { startLock.release() }
        if heapAddress != 0 { return true }
        let errorNumber = hak_errno_get()
        process.pageBytes = Machine.pageBytes()
        process.options = OptionValues(environment: hak_environ())
        let isReserved = BlockMap.reserve(
            memoryBytes: Machine.memoryBytes(), addressSpaceBytes: SystemCall.addressSpaceLimit())
        if process.options.measuresSections {
            Sections.begin(process.options.timing != 0 ? .parts : .whole)
        }
        if isReserved, let parts = SystemCall.map(bytes: HeapParts.bytes) {
            heapAddress = parts
            ClassTable.make()
            Policy.make()
            #if HAKMEM_LEARNING
                if process.options.learns { beginLearning() }
            #endif
        }
        hak_errno_set(errorNumber)
        return heapAddress != 0
    }

    #if HAKMEM_LEARNING
        private static func beginLearning() {
            let options = process.options
            let mode: EvolutionMode =
                if options.isFrozen {
                    .frozen
                } else if options.evolution == EvolutionOption.learn.rawValue {
                    .learn
                } else {
                    .auto
                }
            let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
            let log = options.watchFile.flatMap { SystemCall.open($0, flags: flags, mode: 0o600) }
            Evolution.begin(mode, profile: options.profile, log: log ?? -1)
        }
    #endif

    static func assertLayouts() {
        Span.assertLayout()
        ThreadCache.assertLayout()
        HeapParts.assertLayout()
        WrittenDensity.assertLayout()
    }
}

/// Whether `exitKey` exists. Guarded by: written by the constructor, when there is one thread.
nonisolated(unsafe) private var hasExitKey = false
nonisolated(unsafe) private var exitKey: pthread_key_t = 0

@c(hak_constructor) public func hakConstructor() {
    Start.assertLayouts()
    guard Start.ensure() else { return }
    if SiteSamples.isOn { SiteWalk.begin() }
    hasExitKey = pthread_key_create(&exitKey, hakThreadExit) == 0
    watchExit(of: hak_cache_get())
    pthread_atfork(hakForkPrepare, hakForkParent, hakForkChild)
    PurgeThread.begin()
}

@c(hak_destructor) public func hakDestructor() {
    #if HAKMEM_LEARNING
        if Evolution.isSaved, let profile = process.options.profile { LearntProfile.save(profile) }
    #endif
    if process.options.timing != 0 { SectionsReport.atExit() }
    if process.options.stats != 0 { StatisticsReport.atExit() }
}

#if !HAKMEM_HOSTED
    @used @section(".init_array") let constructor: @convention(c) () -> Void = hakConstructor
    @used @section(".fini_array") let destructor: @convention(c) () -> Void = hakDestructor
#endif

/// Has the thread's exit tell us: it gives its cache back.
func watchExit(of cache: UInt) {
    if hasExitKey, cache != hak_cache_none() {
        pthread_setspecific(exitKey, UnsafeRawPointer(bitPattern: cache))
    }
}
