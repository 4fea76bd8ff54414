-- search: as plain/search. Messages are looked at in order; one is taken only when it is the oldest of its group, so that
-- none overtakes one that is leased or delayed. The task's cursor is the seq looked at last, `passed` what was taken
-- since the beginning: when the end is reached and something was taken, groups may have come free, so it begins again.
-- uses: A, gid_of, GROUPED, M, member, oldest, q, queue_delay, sent_of
local function search(task, most, take_one)
  local limit, taken = most + 100, 0
  local low, high = string.format('(%.0f', GROUPED + task.cursor), string.format('%.0f', GROUPED + task.bound)
  local seqs = call('ZRANGEBYSCORE', A, low, high, 'LIMIT', 0, limit)
  for _, seq in ipairs(seqs) do
    local record = call('HGET', M, seq)
    local gid = record and gid_of(record)
    if record and oldest(gid, 1)[1] == member(gid, seq) and sent_of(record) + queue_delay() <= q.now then
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
