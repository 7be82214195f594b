// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct ControlGroupTests {
    private func current(_ files: [String: String]) -> ControlGroup? {
        ControlGroup.current { files[$0] }
    }

    private let mountsOfVersion2 =
        "25 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

    @Test func theLeastLimitAboveCounts() {
        let group = current([
            "/proc/self/cgroup": "0::/a/b\n",
            "/proc/self/mountinfo": mountsOfVersion2,
            "/sys/fs/cgroup/a/b/memory.max": "max\n",
            "/sys/fs/cgroup/a/b/memory.current": "4096\n",
            "/sys/fs/cgroup/a/memory.max": "1048576\n",
            "/sys/fs/cgroup/a/memory.current": "8192\n",
        ])
        #expect(
            group
                == ControlGroup(
                    version: 2, path: "/sys/fs/cgroup/a", bytesMax: 1_048_576, bytesUsed: 8192))
    }

    @Test func withoutALimitTheOwnGroupIsShown() {
        let group = current([
            "/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mountsOfVersion2,
            "/sys/fs/cgroup/a/memory.max": "max\n", "/sys/fs/cgroup/a/memory.current": "4096\n",
        ])
        #expect(
            group
                == ControlGroup(
                    version: 2, path: "/sys/fs/cgroup/a", bytesMax: nil, bytesUsed: 4096))
    }

    @Test func versionOneWritesNoLimitAsAHugeNumber() {
        func group(_ limit: String) -> ControlGroup? {
            current([
                "/proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/box\n0::/\n",
                "/proc/self/mountinfo":
                    "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
                "/sys/fs/cgroup/memory/box/memory.limit_in_bytes": limit,
                "/sys/fs/cgroup/memory/box/memory.usage_in_bytes": "512\n",
            ])
        }
        #expect(group("9223372036854771712\n")?.bytesMax == nil)
        #expect(group("2097152\n")?.bytesMax == 2_097_152)
        #expect(group("2097152\n")?.version == 1)
        #expect(group("2097152\n")?.bytesUsed == 512)
    }

    @Test func aContainerSeesItsGroupAtTheMount() {
        let group = current([
            "/proc/self/cgroup": "0::/host/only\n", "/proc/self/mountinfo": mountsOfVersion2,
            "/sys/fs/cgroup/memory.max": "65536\n", "/sys/fs/cgroup/memory.current": "1\n",
        ])
        #expect(group?.bytesMax == 65536)
    }

    @Test func nothingWhereNothingIsMounted() {
        #expect(current([:]) == nil)
        #expect(current(["/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": ""]) == nil)
    }
}
