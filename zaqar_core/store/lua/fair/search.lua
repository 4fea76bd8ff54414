-- search: as plain/search; whose turn it is does not matter to a move: the oldest of all tenants come first.
-- uses: A, GROUPED, M
local function search(task, most, take_one)
  local function band(low, high)
    return call('ZRANGEBYSCORE', A, low, high, 'LIMIT', 0, most)
  end
  local free, grouped = band('-inf', task.bound + 0.5), band(GROUPED, GROUPED + task.bound)
  local at, other = 1, 1
  for _ = 1, math.min(most, #free + #grouped) do
    local seq
    if not grouped[other] or free[at] and tonumber(free[at]) < tonumber(grouped[other]) then
      seq, at = free[at], at + 1
    else
      seq, other = grouped[other], other + 1
    end
    if not take_one(seq, call('HGET', M, seq)) then return 'more' end
  end
  local left = call('ZCOUNT', A, '-inf', task.bound + 0.5) + call('ZCOUNT', A, GROUPED, GROUPED + task.bound)
  return left > 0 and 'more' or 'end'
end
