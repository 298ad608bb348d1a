from pioneer import register
from .steps_realistic import report_progress, report_completion

@register("mi_step")
async def mi_step(context: dict, config: dict) -> dict:
    execution_id = context.get("execution_id")
    await report_progress(execution_id, "mi_step", {"percentage": 50, "message": "Procesando datos"})
    return {"context": {"mi_resultado": 42}, "next": "siguiente_step"}
