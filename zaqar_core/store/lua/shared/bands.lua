-- bands: the states by which the scores in Q:a are shifted: leased (2^50), delayed (2^51), and neither of them but in a
-- message group (3 * 2^50). A message that is neither leased nor delayed and has no group is not shifted.
local LEASED, DELAYED, GROUPED = 1125899906842624, 2251799813685248, 3377699720527872
