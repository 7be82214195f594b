// SPDX-License-Identifier: MIT
//
// Every system call of the allocator, in one file. Raw calls: no libc wrapper that another library
// may have replaced, and errno is never touched.
//
// A refusal of the kernel is a value here, never an end of the program.

import CHakmemShim
import Synchronization

enum SystemCall {
    private static let noDescriptor = UInt(bitPattern: -1)
    private static let currentDirectory = UInt(bitPattern: -100)

    /// Fresh zeroed memory of `bytes` bytes, at `hint` if it is free there; nil if refused.
    static func map(bytes: UInt, hint: UInt = 0) -> UInt? {
        map(bytes: bytes, hint: hint, protection: PROT_READ | PROT_WRITE, flags: 0)
    }

    /// Address space that reads as zeros and costs neither memory nor commit charge.
    static func reserveReadable(bytes: UInt) -> UInt? {
        map(bytes: bytes, hint: 0, protection: PROT_READ, flags: MAP_NORESERVE)
    }

    private static func map(bytes: UInt, hint: UInt, protection: Int32, flags: Int32) -> UInt? {
        counters.mmap.wrappingAdd(1, ordering: .relaxed)
        let result = Sections.measure(.mmap) {
            hak_syscall6(
                Int(SYS_mmap), hint, bytes, UInt(protection),
                UInt(MAP_PRIVATE | MAP_ANONYMOUS | flags), noDescriptor, 0)
        }
        return result < 0 && result > -4096 ? nil : UInt(bitPattern: result)
    }

    /// Gives address space back. A refusal (too many mappings) leaves it mapped and is harmless.
    @discardableResult
    static func unmap(_ address: UInt, bytes: UInt) -> Bool {
        counters.munmap.wrappingAdd(1, ordering: .relaxed)
        return Sections.measure(.munmap) {
            hak_syscall6(Int(SYS_munmap), address, bytes, 0, 0, 0, 0)
        } == 0
    }

    /// Makes a reserved range writable.
    static func commit(_ address: UInt, bytes: UInt) -> Bool {
        hak_syscall6(Int(SYS_mprotect), address, bytes, UInt(PROT_READ | PROT_WRITE), 0, 0, 0) == 0
    }

    /// Returns the memory behind a range; the range stays mapped and reads as zeros.
    static func purge(_ address: UInt, bytes: UInt) -> Bool {
        counters.purges.wrappingAdd(1, ordering: .relaxed)
        let done =
            Sections.measure(.madvise) {
                hak_syscall6(Int(SYS_madvise), address, bytes, UInt(MADV_DONTNEED), 0, 0, 0)
            } == 0
        if done { counters.purgedBytes.wrappingAdd(bytes, ordering: .relaxed) }
        return done
    }

    /// Gives every page of a range its memory now, which costs less than a fault each. Kernels
    /// before 5.14 refuse, and nothing is lost.
    static func populate(_ address: UInt, bytes: UInt) -> Bool {
        hak_syscall6(Int(SYS_madvise), address, bytes, madvisePopulateWrite, 0, 0, 0) == 0
    }

    /// Sees to it that a range can be read, by zeros where nothing was written; false if it cannot.
    /// Kernels before 5.14 refuse.
    static func populateForReading(_ address: UInt, bytes: UInt) -> Bool {
        hak_syscall6(Int(SYS_madvise), address, bytes, madvisePopulateRead, 0, 0, 0) == 0
    }

    /// Makes huge pages of a range of which something has been written. Kernels before 6.1 refuse,
    /// and any may for want of memory.
    static func collapse(_ address: UInt, bytes: UInt) -> Bool {
        hak_syscall6(Int(SYS_madvise), address, bytes, madviseCollapse, 0, 0, 0) == 0
    }

    /// Asks for huge pages under a range, as it is touched.
    @discardableResult
    static func preferHugePages(_ address: UInt, bytes: UInt) -> Bool {
        hak_syscall6(Int(SYS_madvise), address, bytes, UInt(MADV_HUGEPAGE), 0, 0, 0) == 0
    }

    /// Asks for no huge pages under a range, whatever the system's setting; those that are there
    /// stay.
    static func preferSmallPages(_ address: UInt, bytes: UInt) {
        _ = hak_syscall6(Int(SYS_madvise), address, bytes, UInt(MADV_NOHUGEPAGE), 0, 0, 0)
    }

    /// What has become of a move.
    enum Move {
        case done
        /// Nothing moved, and the target is mapped as before.
        case refused
        /// Nothing moved, and where the target was may be somebody else's now.
        case targetLost
    }

    /// Moves the pages of a mapping onto as much of another one, whose pages they replace. With
    /// `keepsMapping` the first stays mapped, and reads as zeros; kernels before 5.7 refuse that.
    static func move(_ address: UInt, bytes: UInt, onto target: UInt, keepsMapping: Bool) -> Move {
        counters.mremap.wrappingAdd(1, ordering: .relaxed)
        let flags = UInt(mremapMayMove | mremapFixed | (keepsMapping ? mremapDontUnmap : 0))
        let result = Sections.measure(.mremap) {
            hak_syscall6(Int(SYS_mremap), address, bytes, bytes, flags, target, 0)
        }
        if result == Int(bitPattern: target) { return .done }
        if result == -Int(EINVAL) { return .refused }
        // The kernel unmaps the target before it looks at the rest, as at a source in two pieces:
        // what is not there is mapped again, unless it is taken.
        let again = map(
            bytes: bytes, hint: target, protection: PROT_READ | PROT_WRITE,
            flags: mapFixedNoReplace)
        if again == target { return .refused }
        if let again { unmap(again, bytes: bytes) }
        return .targetLost
    }

    /// Grows or shrinks a mapping where it lies.
    static func resizeInPlace(_ address: UInt, bytes: UInt, to newBytes: UInt) -> Bool {
        counters.mremap.wrappingAdd(1, ordering: .relaxed)
        return hak_syscall6(Int(SYS_mremap), address, bytes, newBytes, 0, 0, 0)
            == Int(bitPattern: address)
    }

    // linux/mman.h's values, the same on every architecture; the C header needs _GNU_SOURCE.
    private static let mremapMayMove = 1
    private static let mremapFixed = 2
    private static let mremapDontUnmap = 4
    private static let mapFixedNoReplace: Int32 = 0x10_0000
    private static let madvisePopulateRead: UInt = 22
    private static let madvisePopulateWrite: UInt = 23
    private static let madviseCollapse: UInt = 25

    /// Sleeps until `word` is woken, unless it no longer holds `expected`.
    static func futexWait(_ word: UInt, while expected: UInt32) {
        let waitPrivate: UInt = 128
        _ = hak_syscall6(Int(SYS_futex), word, waitPrivate, UInt(expected), 0, 0, 0)
    }

    /// Sleeps for `ms` milliseconds, or less when a signal comes.
    static func sleep(ms: UInt32) {
        var time = timespec(tv_sec: Int(ms / 1000), tv_nsec: Int(ms % 1000) * 1_000_000)
        withUnsafeMutablePointer(to: &time) { time in
            _ = hak_syscall6(Int(SYS_nanosleep), UInt(bitPattern: time), 0, 0, 0, 0, 0)
        }
    }

    /// Wakes one sleeper on `word`.
    static func futexWakeOne(_ word: UInt) {
        let wakePrivate: UInt = 129
        _ = hak_syscall6(Int(SYS_futex), word, wakePrivate, 1, 0, 0, 0)
    }

    /// Names the calling thread, by up to 15 characters.
    static func nameThread(_ name: StaticString) {
        let setName: UInt = 15
        _ = hak_syscall6(Int(SYS_prctl), setName, UInt(bitPattern: name.utf8Start), 0, 0, 0, 0)
    }

    /// The word that holds main's thread's number until the kernel clears it, and wakes who waits
    /// for it, when that thread has ended; nil in another thread, where the C library keeps another
    /// word there, and where the kernel does not say.
    static func mainThreadWord() -> UInt? {
        let thread = hak_syscall6(Int(SYS_gettid), 0, 0, 0, 0, 0, 0)
        if hak_syscall6(Int(SYS_getpid), 0, 0, 0, 0, 0, 0) != thread { return nil }
        let getThreadNumberAddress: UInt = 40
        var word: UInt = 0
        let result = withUnsafeMutablePointer(to: &word) { word in
            hak_syscall6(
                Int(SYS_prctl), getThreadNumberAddress, UInt(bitPattern: word), 0, 0, 0, 0)
        }
        guard result == 0, word != 0 else { return nil }
        return Int(pointer(word, to: UInt32.self).pointee) == thread ? word : nil
    }

    static func yield() { _ = hak_syscall6(Int(SYS_sched_yield), 0, 0, 0, 0, 0, 0) }

    /// Writes all of `count` bytes; gives up on an error.
    static func write(_ descriptor: Int32, _ bytes: UnsafePointer<UInt8>, count: Int) {
        var done = 0
        while done < count {
            let address = UInt(bitPattern: bytes) &+ UInt(done)
            let result = hak_syscall6(
                Int(SYS_write), UInt(descriptor), address, UInt(count - done), 0, 0, 0)
            if result == -Int(EINTR) { continue }
            if result <= 0 { return }
            done += result
        }
    }

    /// Opens a file; nil if refused.
    static func open(_ path: UnsafePointer<CChar>, flags: Int32, mode: UInt = 0) -> Int32? {
        let result = hak_syscall6(
            Int(SYS_openat), currentDirectory, UInt(bitPattern: path), UInt(flags), mode, 0, 0)
        return result < 0 ? nil : Int32(result)
    }

    static func read(_ descriptor: Int32, into buffer: UnsafeMutablePointer<UInt8>, count: Int)
        -> Int
    {
        hak_syscall6(
            Int(SYS_read), UInt(descriptor), UInt(bitPattern: buffer), UInt(count), 0, 0, 0)
    }

    static func close(_ descriptor: Int32) {
        _ = hak_syscall6(Int(SYS_close), UInt(descriptor), 0, 0, 0, 0, 0)
    }

    /// Page faults of this process so far that needed no input or output.
    static func pageFaults() -> UInt {
        var usage = rusage()
        let result = withUnsafeMutablePointer(to: &usage) { usage in
            hak_syscall6(Int(SYS_getrusage), 0, UInt(bitPattern: usage), 0, 0, 0, 0)
        }
        return result == 0 ? UInt(usage.ru_minflt) : 0
    }

    /// Copies `count` words of this process's memory; false if not all of them are there.
    static func readMemory(_ address: UInt, into words: UnsafeMutablePointer<UInt>, count: UInt)
        -> Bool
    {
        let bytes = count &* 8
        var local = iovec(iov_base: words, iov_len: Int(bytes))
        var remote = iovec(
            iov_base: UnsafeMutableRawPointer(bitPattern: address), iov_len: Int(bytes))
        let process = hak_syscall6(Int(SYS_getpid), 0, 0, 0, 0, 0, 0)
        let result = withUnsafeMutablePointer(to: &local) { local in
            withUnsafeMutablePointer(to: &remote) { remote in
                hak_syscall6(
                    Int(SYS_process_vm_readv), UInt(process), UInt(bitPattern: local), 1,
                    UInt(bitPattern: remote), 1, 0)
            }
        }
        return result == Int(bytes)
    }

    /// Puts a file in the place of another, at once.
    static func rename(_ path: UnsafePointer<CChar>, to target: UnsafePointer<CChar>) -> Bool {
        hak_syscall6(
            Int(SYS_renameat), currentDirectory, UInt(bitPattern: path), currentDirectory,
            UInt(bitPattern: target), 0, 0) == 0
    }

    static func addressSpaceLimit() -> UInt {
        var limit = rlimit()
        let result = withUnsafeMutablePointer(to: &limit) { limit in
            hak_syscall6(
                Int(SYS_prlimit64), 0, UInt(RLIMIT_AS.rawValue), 0, UInt(bitPattern: limit), 0, 0)
        }
        return result == 0 ? UInt(limit.rlim_cur) : UInt.max
    }
}
