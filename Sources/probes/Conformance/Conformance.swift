// SPDX-License-Identifier: MIT
//
// conformance: the malloc family against POSIX, C23 and glibc, function by function.
//
// The reports (mallinfo and its kind) return C structures by value and are tested by the C program
// reports.c of the black-box tests.

import Glibc

/// Sizes around every kind of border: size classes, pages, pools and mapped blocks.
let borderSizes: [UInt] = [
    1, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 127, 128, 129, 200,
    255, 256, 257, 500, 511, 512, 513, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 4000, 4095, 4096,
    4097, 8191, 8192, 8193, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_535, 65_536,
    65_537, 100_000, 131_072, 262_143, 262_145, 524_288, 1_048_575, 1_048_576, 1_048_577,
    2_097_151, 2_097_152, 2_097_153, 4_194_305, 8_388_609, 33_554_433,
]

/// Sizes that no malloc may serve.
let impossibleSizes: [UInt] = [
    UInt(Int.max) + 1, UInt(Int.max) + 4096, UInt.max - 4096, UInt.max - 16, UInt.max,
]

/// What errno holds before a call, to see whether the call touches it.
let errnoMark: Int32 = 0x5A

func runConformance(_ arguments: [String]) -> Never {
    var checks = Checks()
    checkFamily(&checks)
    checkAllocation(&checks)
    checkRelease(&checks)
    checkAlignment(&checks)
    checkAlignmentErrors(&checks)
    checkImpossibleSizes(&checks)
    checkResizing(&checks)
    checkFailedResizing(&checks)
    checkZeroing(&checks)
    checkHakAPI(&checks)
    checkHakStats(&checks)
    checks.finish()
}
