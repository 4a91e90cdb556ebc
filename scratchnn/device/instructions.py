"""Single instructions that numba.cuda has no name for, as functions for kernels.

``load4``        16 bytes of shared memory in one instruction (float32): a quarter of the loads.
``multiply_add`` a tile product on a tensor core: 16x8 += 16x8 @ 8x8 by the 32 threads of a warp, factors rounded to
                 tf32 (10 of float32's 23 bits behind the point), sums in float32. The simulator has no warps.
``wait_for``     a barrier for all blocks that count in one place: everything written before it is seen behind it.
"""

from typing import Any

from .launching import function, intrinsic
from .presence import numba_cuda, simulated

cuda = numba_cuda()

if simulated():

    def load4(array: Any, at: int) -> tuple:
        """Give four neighbours, the first at a multiple of 4, of an array that begins at a multiple of 16 bytes."""
        assert at % 4 == 0, f"load4: {at} is no multiple of 4"
        return array[at], array[at + 1], array[at + 2], array[at + 3]

    def multiply_add(a: tuple, b: tuple, c: tuple) -> tuple:
        """Say that there are no tensor cores."""
        raise NotImplementedError("multiply_add: the simulator has no tensor cores")

else:
    from llvmlite import ir
    from numba.cuda import types

    @intrinsic
    def load4(typing, array, at):
        """Give four neighbours, the first at a multiple of 4, of an array that begins at a multiple of 16 bytes."""

        def generate(context, builder, signature, arguments):
            given = context.make_array(signature.args[0])(context, builder, arguments[0])
            vector = ir.VectorType(context.get_data_type(array.dtype), 4)
            place = builder.bitcast(builder.gep(given.data, [arguments[1]]), ir.PointerType(vector))
            got = builder.load(place)
            got.align = 16
            parts = [builder.extract_element(got, ir.Constant(ir.IntType(32), k)) for k in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        return types.UniTuple(array.dtype, 4)(array, types.int64), generate

    @intrinsic
    def multiply_add(typing, a, b, c):
        """Give c + a @ b of a warp's tiles: 4, 2 and 4 numbers of each thread, spread as the PTX manual says."""
        number, word = ir.FloatType(), ir.IntType(32)

        def generate(context, builder, signature, arguments):
            def parts(k):
                return [builder.extract_value(arguments[k], j) for j in range(signature.args[k].count)]

            def rounded(value):
                kind = ir.FunctionType(word, [number])
                return builder.asm(kind, "cvt.rna.tf32.f32 $0, $1;", "=r,f", [value], side_effect=False)

            factors = [rounded(value) for value in parts(0) + parts(1)]
            four = ir.LiteralStructType([number] * 4)
            kind = ir.FunctionType(four, [word] * 6 + [number] * 4)
            text = (
                "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                "{$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"
            )
            got = builder.asm(kind, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", factors + parts(2), side_effect=True)
            return context.make_tuple(
                builder, signature.return_type, [builder.extract_value(got, j) for j in range(4)]
            )

        return types.UniTuple(types.float32, 4)(a, b, c), generate


@function
def wait_for(arrived, place, count):
    """Wait until ``arrived[place]`` has been raised to ``count``: once by each block that waits.

    One thread counts and looks; before it stand all threads of its block, behind it they go on. The fences see to it
    that what a block wrote has reached the others before it is counted, and that nothing old is read afterwards.
    """
    cuda.syncthreads()
    if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
        cuda.threadfence()
        cuda.atomic.add(arrived, place, 1)
        while cuda.atomic.add(arrived, place, 0) < count:
            pass
        cuda.threadfence()
    cuda.syncthreads()
