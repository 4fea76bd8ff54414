-- task_search: as plain/task_search; turns do not matter to a move: the oldest messages of all tenants come first.
-- uses: GROUPED, order_key, records_key
local function search_movable(task, most, take_one)
  local function band(low, high)
    return call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, most)
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
    if not take_one(seq, call('HGET', records_key, seq)) then return 'more' end
  end
  local left = call('ZCOUNT', order_key, '-inf', task.bound + 0.5)
  left = left + call('ZCOUNT', order_key, GROUPED, GROUPED + task.bound)
  return left > 0 and 'more' or 'end'
end
