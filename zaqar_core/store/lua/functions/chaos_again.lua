-- chaos_again: messages in flight can be received again at once, as copies that a deletion did not reach. For tests.
-- keys:  Q.   args: incarnation, seqs ...   reply: the seqs that came back.   fails: NOQUEUE.   cost: O(k log n).
-- uses: back, c, L, open, settle, wake
local wrong = open()
if wrong then return wrong end
local came = {}
for i = 2, #ARGV do
  if ARGV[1] == c.inc and call('ZREM', L, ARGV[i]) == 1 then came[#came + 1] = ARGV[i] end
end
if #came > 0 then back(came) end
settle()
wake(#came)
return came
