-- task_search: as plain/task_search. Messages are read in order; one is taken only when it is the oldest of its group,
-- so that none overtakes one that is leased or delayed. The task's cursor is the last seq read, `passed` the number
-- taken since the beginning: when the end is reached and something was taken, groups may have become receivable, so the
-- search starts from the beginning.
-- uses: gid_of, group_member, GROUPED, now_ms, oldest_in_group, order_key, queue_delay, records_key, sent_of
local function search_movable(task, most, take_one)
  local limit, taken = most + 100, 0
  local low, high = string.format('(%.0f', GROUPED + task.cursor), string.format('%.0f', GROUPED + task.bound)
  local seqs = call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, limit)
  for _, seq in ipairs(seqs) do
    local record = call('HGET', records_key, seq)
    local gid = record and gid_of(record)
    local is_oldest = record and oldest_in_group(gid, 1)[1] == group_member(gid, seq)
    if is_oldest and sent_of(record) + queue_delay() <= now_ms then
      if taken == most or not take_one(seq, record) then return 'more' end
      taken, task.passed = taken + 1, task.passed + 1
    end
    task.cursor = tonumber(seq)
  end
  if #seqs == limit then return 'look' end
  local outcome = task.passed > 0 and 'look' or 'end'
  task.cursor, task.passed = 0, 0
  return outcome
end
