-- purge_free: one step of Zaqar's purge: messages up to a seq are gone, delayed ones too; those that are leased stay.
-- keys:  Q.   args: last seq to go (-1 in the first step: the newest there is), most messages of this step
-- reply: {last seq to go, 1 if another step is needed}.   fails: NOQUEUE.   cost: O(step log n).
-- uses: A, DELAYED, doomed, forget, GROUPED, M, open, q, S, settle, state_of, tell, tick
local wrong = open('seq')
if wrong then return wrong end
tick(100)
local upto, most, gone = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
if upto < 0 then upto = tonumber(q.f[4]) end
for _, band in ipairs({ 0, DELAYED, GROUPED }) do
  local low, high = string.format('%.0f', band), string.format('%.1f', band + upto + 0.5)
  for _, seq in ipairs(call('ZRANGEBYSCORE', A, low, high, 'LIMIT', 0, most - #gone)) do
    gone[#gone + 1] = doomed(seq, call('HGET', M, seq), state_of(call('HGET', S, seq)))
  end
end
forget(gone)
local freed = settle()
tell(freed)
return { upto, #gone == most and 1 or 0 }
