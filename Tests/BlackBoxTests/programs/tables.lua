-- SPDX-License-Identifier: MIT
-- Tables, closures, coroutines and strings.
local table_by_key = {}
for i = 1, 100000 do
  local key = i * 7 % 4099
  table_by_key[key] = (table_by_key[key] or "") .. string.rep("x", i % 5)
  if i % 11 == 0 then table_by_key[i % 1000] = nil end
end
local keys = {}
for key in pairs(table_by_key) do keys[#keys + 1] = key end
table.sort(keys)
local parts = {}
for _, key in ipairs(keys) do parts[#parts + 1] = key .. "=" .. #table_by_key[key] end
local text = table.concat(parts, ",")
local sum = 0
for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 1000000007 end
print(#keys, #text, sum)

local producers = {}
for i = 1, 500 do
  producers[i] = coroutine.wrap(function()
    for j = 1, 100 do coroutine.yield(("p%d-%d"):format(i, j)) end
  end)
end
local length = 0
for _ = 1, 100 do for i = 1, 500 do length = length + #producers[i]() end end
print(length)
