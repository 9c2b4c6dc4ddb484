/* ops_each.h - goes through ops.def with the macros that the includer has defined; the others become
 * nothing, and afterwards none is defined. Included as often as wanted, so it has no guard.
 */
#ifndef OP
#define OP(id, name, access, doc)
#endif
#ifndef ARG
#define ARG(id, name, type, need, doc)
#endif
#ifndef RET
#define RET(id, name, type, doc)
#endif
#ifndef OPT
#define OPT(id, name, type, doc)
#endif
#ifndef ERR
#define ERR(id, code, when)
#endif
#ifndef END
#define END(id)
#endif
#ifndef SHAPE
#define SHAPE(name, doc)
#endif
#ifndef FIELD
#define FIELD(shape, name, type, need, doc)
#endif
#ifndef SHAPE_END
#define SHAPE_END(name)
#endif

#include "api/ops.def"

#undef OP
#undef ARG
#undef RET
#undef OPT
#undef ERR
#undef END
#undef SHAPE
#undef FIELD
#undef SHAPE_END
