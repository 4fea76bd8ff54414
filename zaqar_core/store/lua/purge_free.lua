-- purge_free: one step of Zaqar's purge: free messages up to a seq are gone, claimed and delayed ones stay.
-- keys:  Q.   args: last seq to go (-1 in the first step: the newest there is), most messages of this step
-- reply: {last seq to go, 1 if another step is needed}.   fails: NOQUEUE.   cost: O(step log n).
-- uses: queue state forget due
if not open() then return NOQUEUE end
promote()
local upto = tonumber(ARGV[1])
if upto < 0 then upto = tonumber(call('HGET', Q, 'seq')) end
local most = tonumber(ARGV[2])
local seqs = call('ZRANGEBYSCORE', R, '-inf', upto, 'LIMIT', 0, most)
for _, seq in ipairs(seqs) do forget_known(seq, call('HGET', M, seq), call('HGET', S, seq)) end
return { upto, #seqs == most and 1 or 0 }
