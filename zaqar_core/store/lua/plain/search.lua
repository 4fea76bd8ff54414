-- search: what a move task is to take, oldest first: receivable messages up to the task's bound, `most` at most.
-- take_one(seq, record) takes it out, or returns false to stop there. Returns 'more' when there is or may be something
-- left to take, 'end' when there is nothing, 'look' when it must be called again to know.
-- uses: A, M
local function search(task, most, take_one)
  local upto = task.bound + 0.5
  for _, seq in ipairs(call('ZRANGEBYSCORE', A, '-inf', upto, 'LIMIT', 0, most)) do
    if not take_one(seq, call('HGET', M, seq)) then return 'more' end
  end
  return call('ZCOUNT', A, '-inf', upto) > 0 and 'more' or 'end'
end
